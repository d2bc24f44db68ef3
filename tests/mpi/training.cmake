file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/training/*.cpp)
fathom_mpi_test(training.trainer NP 1 2 3 4 SOURCES ${sources} LINKS fathom::training)
