file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_lanczos/*.cpp)
fathom_mpi_test(eigen.lanczos NP 1 2 3 4 SOURCES ${sources} LINKS fathom::eigen)
