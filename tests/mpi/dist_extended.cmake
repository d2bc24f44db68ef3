file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/dist_extended/*.cpp)
fathom_mpi_test(dist.extended NP 1 2 3 4 SOURCES ${sources} LINKS fathom::dist)
target_include_directories(test_dist_extended PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/dist)
if(FATHOM_FAULT_POINTS)
  # With one slice of one rank lost, the probe of test SliceFault has to see it.
  fathom_add_mpi_command(dist.extended.slice_fault.np2 NP 2 TIMEOUT 60
    COMMAND sh -c "FATHOM_FAULT=dist.slice:1:zero exec $1 --gtest_filter=SliceFault.*" sh
            $<TARGET_FILE:test_dist_extended>)
endif()
