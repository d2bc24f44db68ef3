file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_matrix_free/*.cpp)
fathom_mpi_test(eigen.matrix_free NP 1 2 3 4 SOURCES ${sources} LINKS fathom::eigen)
target_include_directories(test_eigen_matrix_free PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen_lanczos)

if(FATHOM_FAULT_POINTS AND FATHOM_HAVE_SLEPC)
  # One process, one planted fault; fault=exit code.
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_matrix_free_faults/*.cpp)
  fathom_mpi_test(eigen.matrix_free_faults SOURCES ${sources} LINKS fathom::eigen)
  target_include_directories(test_eigen_matrix_free_faults PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen_lanczos)
  foreach(entry
      none:0:none=0 eigen.matrix_free:1:shift=80 eigen.matrix_free:0:skip=80
      eigen.lanczos:1:alloc=71 eigen.solve:2:solver=81 eigen.certify:2:throw=74)
    string(REGEX REPLACE "=.*" "" fault ${entry})
    string(REGEX REPLACE ".*=" "" outcome ${entry})
    string(REPLACE ":" "." point ${fault})
    fathom_add_mpi_command(eigen.matrix_free_faults.${point}.np3 NP 3 TIMEOUT 30
      COMMAND sh -c "FATHOM_FAULT=${fault} FATHOM_OUTCOME=${outcome} exec $1" sh
        $<TARGET_FILE:test_eigen_matrix_free_faults>)
  endforeach()
endif()
