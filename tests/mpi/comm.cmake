file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/comm/*.cpp)
fathom_mpi_test(comm.communicator NP 1 2 3 4 6 SOURCES ${sources} LINKS fathom::comm)

# The main program of these tests must itself be able to fail.
add_executable(test_harness_planted ${CMAKE_CURRENT_SOURCE_DIR}/harness/planted_test.cpp
  ${CMAKE_CURRENT_SOURCE_DIR}/mpi_main.cpp)
target_link_libraries(test_harness_planted PRIVATE fathom_flags fathom::comm GTest::gmock GTest::gtest)
set(planted $<TARGET_FILE:test_harness_planted>)
fathom_add_mpi_command(comm.harness.passes.np3 NP 3
  COMMAND ${planted} --gtest_filter=Planted.nothing_fails)
fathom_add_mpi_command(comm.harness.exit_code.np3 NP 3 TIMEOUT 60
  COMMAND ${planted} --gtest_filter=Planted.last_rank_fails)
set_tests_properties(comm.harness.exit_code.np3 PROPERTIES WILL_FAIL ON)
fathom_add_mpi_command(comm.harness.message.np3 NP 3 TIMEOUT 60
  COMMAND ${planted} --gtest_filter=Planted.last_rank_fails)
set_tests_properties(comm.harness.message.np3 PROPERTIES
  PASS_REGULAR_EXPRESSION "FAILED  ] Planted.last_rank_fails on 1 other rank")
fathom_add_mpi_command(comm.harness.no_hang.np3 NP 3 TIMEOUT 60
  COMMAND ${planted} --gtest_filter=Planted.last_rank_leaves)
set_property(TEST comm.harness.no_hang.np3 APPEND PROPERTY ENVIRONMENT "FATHOM_TEST_PATIENCE=2")
set_tests_properties(comm.harness.no_hang.np3 PROPERTIES
  PASS_REGULAR_EXPRESSION "rank 2. Planted.last_rank_leaves failed here and other ranks are still")
