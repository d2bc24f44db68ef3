file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/comm/*.cpp)
fathom_mpi_test(comm.communicator NP 1 2 3 4 6 SOURCES ${sources} LINKS fathom::comm)
