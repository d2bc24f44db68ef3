file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_cascade/*.cpp)
fathom_mpi_test(eigen.cascade NP 1 2 3 4 SOURCES ${sources} LINKS fathom::eigen fathom_qd)
target_include_directories(test_eigen_cascade PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen_factor)

# Factors whose spectrum is known as stored. The whole list writes a CSV; a sample of it is quick.
add_executable(test_eigen_cascade_campaign ${CMAKE_CURRENT_SOURCE_DIR}/eigen_cascade_campaign/campaign.cpp)
target_link_libraries(test_eigen_cascade_campaign PRIVATE fathom_flags fathom::eigen fathom_qd)
target_include_directories(test_eigen_cascade_campaign PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen_cascade
  ${CMAKE_CURRENT_SOURCE_DIR}/eigen_factor)
fathom_add_mpi_command(eigen.cascade.sample.np2 NP 2 COMMAND $<TARGET_FILE:test_eigen_cascade_campaign> - 9)
fathom_add_mpi_command(eigen.cascade.campaign.np1 NP 1 LABEL campaign TIMEOUT 7200
  COMMAND $<TARGET_FILE:test_eigen_cascade_campaign> ${PROJECT_BINARY_DIR}/tail_campaign.csv)
foreach(np 2 3 4)
  fathom_add_mpi_command(eigen.cascade.campaign.np${np} NP ${np} LABEL campaign TIMEOUT 7200
    COMMAND $<TARGET_FILE:test_eigen_cascade_campaign> -)
endforeach()

# Generic factors of a size where the floor matters: trusted to 1e-24 and 1e-26 of the largest.
add_executable(test_eigen_cascade_large ${CMAKE_CURRENT_SOURCE_DIR}/eigen_cascade_large/large.cpp)
target_link_libraries(test_eigen_cascade_large PRIVATE fathom_flags fathom::eigen fathom_qd)
target_include_directories(test_eigen_cascade_large PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen_cascade
  ${CMAKE_CURRENT_SOURCE_DIR}/eigen_factor)
foreach(np 1 2 4)
  fathom_add_mpi_command(eigen.cascade.large.alpha8.np${np} NP ${np} LABEL full TIMEOUT 1800
    COMMAND $<TARGET_FILE:test_eigen_cascade_large> 1000 8 1e-24)
  fathom_add_mpi_command(eigen.cascade.large.alpha10.np${np} NP ${np} LABEL full TIMEOUT 1800
    COMMAND $<TARGET_FILE:test_eigen_cascade_large> 1000 10 1e-26 vectors)
endforeach()

if(FATHOM_FAULT_POINTS)
  # One process, one planted fault: what the front does about it.
  add_executable(test_eigen_cascade_faults ${CMAKE_CURRENT_SOURCE_DIR}/eigen_cascade_faults/faults.cpp)
  target_link_libraries(test_eigen_cascade_faults PRIVATE fathom_flags fathom::eigen fathom_qd)
  target_include_directories(test_eigen_cascade_faults PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen_cascade
    ${CMAKE_CURRENT_SOURCE_DIR}/eigen_factor)
  # fault : outcome (an exit code, or "fallback": a right spectrum, by the other route), route, what
  foreach(entry
      "none:0:none=0 cascade vectors"
      "tail.values:1:nan=fallback cascade values" "tail.values:0:shift=fallback cascade values"
      "tail.values:0:shift=fallback svd values" "tail.vectors:0:swap=fallback cascade vectors"
      "tail.vectors:1:swap=fallback svd vectors" "tail.primary:2:solver=fallback cascade values"
      "tail.values:1:nan_always=80 svd values" "tail.values:0:shift_always=80 cascade values"
      "tail.vectors:0:swap_always=80 cascade vectors"
      "cascade.level:1:throw=74 cascade values" "cascade.level:2:alloc=71 cascade values"
      "eigen.solve:1:solver=fallback cascade values")
    string(REGEX REPLACE "=.*" "" fault ${entry})
    string(REGEX REPLACE ".*=" "" arguments ${entry})
    string(REGEX REPLACE "=[^ ]* " "." point ${entry})
    string(REGEX REPLACE "[: ]" "." point ${point})
    fathom_add_mpi_command(eigen.cascade.faults.${point}.np3 NP 3 TIMEOUT 30
      COMMAND sh -c "FATHOM_FAULT=${fault} exec $1 ${arguments}" sh $<TARGET_FILE:test_eigen_cascade_faults>)
  endforeach()
endif()
