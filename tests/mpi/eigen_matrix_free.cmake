file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_matrix_free/*.cpp)
fathom_mpi_test(eigen.matrix_free NP 1 2 3 4 SOURCES ${sources} LINKS fathom::eigen)
target_include_directories(test_eigen_matrix_free PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen_lanczos)
