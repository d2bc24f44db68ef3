fathom_mpi_test(run.stop NP 1 3 SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/run/stop_test.cpp LINKS fathom::run)
