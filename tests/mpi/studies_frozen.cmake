file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/studies_frozen/*.cpp)
fathom_mpi_test(studies.frozen NP 1 2 3 4 SOURCES ${sources} LINKS fathom::studies)
