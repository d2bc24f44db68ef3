file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/dist/*.cpp)
fathom_mpi_test(dist.matrix NP 1 2 3 4 6 SOURCES ${sources} LINKS fathom::dist)
