file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen/*.cpp)
fathom_mpi_test(eigen.solve NP 1 2 3 4 6 SOURCES ${sources} LINKS fathom::eigen)
