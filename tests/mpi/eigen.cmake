file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen/*.cpp)
fathom_mpi_test(eigen.solve NP 1 2 3 4 6 SOURCES ${sources} LINKS fathom::eigen)

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_layouts/*.cpp)
fathom_mpi_test(eigen.layouts NP 1 2 3 4 6 SOURCES ${sources} LINKS fathom::eigen)
target_include_directories(test_eigen_layouts PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen)
foreach(np 1 2 3 4 6)
  fathom_add_mpi_command(eigen.layouts.all.np${np} NP ${np} LABEL full TIMEOUT 7200
    COMMAND sh -c "FATHOM_LAYOUTS=full exec $1" sh $<TARGET_FILE:test_eigen_layouts>)
endforeach()

if(FATHOM_FAULT_POINTS)
  # One process, one planted fault: what the front does about it.
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_faults/*.cpp)
  add_executable(test_eigen_faults ${sources})
  target_link_libraries(test_eigen_faults PRIVATE fathom_flags fathom::eigen)
  target_include_directories(test_eigen_faults PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen)
  # fault : outcome (an exit code, or "fallback": a right spectrum, from ScaLAPACK)
  foreach(entry
      eigen.values:1:nan=fallback eigen.values:0:shift=fallback eigen.vectors:0:swap=fallback
      eigen.primary:2:solver=fallback
      eigen.values:1:nan_always=80 eigen.values:0:shift_always=80 eigen.vectors:0:swap_always=80
      eigen.solve:2:solver=81 eigen.allocate:1:alloc=71 eigen.certify:2:throw=74
      none:0:none=0)
    string(REGEX REPLACE "=.*" "" fault ${entry})
    string(REGEX REPLACE ".*=" "" outcome ${entry})
    string(REPLACE ":" "." point ${fault})
    fathom_add_mpi_command(eigen.faults.${point}.np3 NP 3 TIMEOUT 30
      COMMAND sh -c "FATHOM_FAULT=${fault} exec $1 ${outcome}" sh $<TARGET_FILE:test_eigen_faults>)
  endforeach()
  # The same with what is asked for: the number of eigenvalues (0: all), values or vectors, backend.
  # The k largest alone are certified with the whole spectrum, wherever among them the fault is; and
  # a second ScaLAPACK attempt runs another routine than the first.
  foreach(entry
      "eigen.values:0:shift_always=80 100 values elpa2" "eigen.values:1:skip_always=80 100 values elpa2"
      "eigen.values:0:shift_always=80 100 values lapack" "eigen.values:1:skip_always=80 100 values scalapack"
      "eigen.values:1:skip=fallback 100 values elpa1"
      "eigen.values:1:skip_always=80 0 vectors elpa1"
      "pdsyev:1:solver=fallback 0 values scalapack" "pdsyevd:1:solver=fallback 0 vectors scalapack"
      "pdsyev:1:solver=0 0 vectors scalapack" "pdsyevd:1:solver=0 0 values scalapack")
    string(REGEX REPLACE "=.*" "" fault ${entry})
    string(REGEX REPLACE ".*=" "" arguments ${entry})
    string(REGEX REPLACE "=[^ ]* " "." point ${entry})
    string(REGEX REPLACE "[: ]" "." point ${point})
    fathom_add_mpi_command(eigen.faults.${point}.np3 NP 3 TIMEOUT 30
      COMMAND sh -c "FATHOM_FAULT=${fault} exec $1 ${arguments}" sh $<TARGET_FILE:test_eigen_faults>)
  endforeach()
endif()
