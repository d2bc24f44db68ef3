file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_cascade/*.cpp)
fathom_mpi_test(eigen.cascade NP 1 2 3 4 SOURCES ${sources} LINKS fathom::eigen fathom_qd)
