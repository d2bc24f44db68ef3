add_executable(miniapp_eigensolver ${CMAKE_CURRENT_LIST_DIR}/miniapp_eigensolver.cpp)
target_link_libraries(miniapp_eigensolver PRIVATE fathom_flags fathom::eigen CLI11::CLI11)

if(FATHOM_TESTS)
  set(eigensolver $<TARGET_FILE:miniapp_eigensolver>)
  foreach(backend auto elpa2 elpa1 scalapack lapack)
    foreach(vectors "" "--vectors")
      string(REPLACE "--" "." suffix "${vectors}")
      fathom_add_mpi_command(miniapps.eigensolver.${backend}${suffix}.np2 NP 2
        COMMAND ${eigensolver} --n 300 --backend ${backend} ${vectors} --nruns 1 --check)
    endforeach()
  endforeach()
  if(FATHOM_HAVE_SLEPC)
    fathom_add_mpi_command(miniapps.eigensolver.slepc.np2 NP 2
      COMMAND ${eigensolver} --n 300 --backend slepc --count 12 --vectors --nruns 1 --check)
  endif()
  if(FATHOM_FAULT_POINTS)
    # A wrong eigenvalue must be seen: the check fails with the certificate's code.
    fathom_add_mpi_command(miniapps.eigensolver.planted.np2 NP 2
      COMMAND sh -c "FATHOM_FAULT=miniapp.eigenvalue:1:shift $1 --n 200 --nruns 1 --check && exit 1 || test $? -eq 80"
        sh ${eigensolver})
    foreach(fault eigen.allocate:1:alloc:71 eigen.solve:1:solver:81 eigen.solve:0:throw:74)
      string(REGEX REPLACE ":[0-9]+$" "" spec ${fault})
      string(REGEX REPLACE ".*:" "" code ${fault})
      string(REPLACE ":" "." point ${fault})
      fathom_add_mpi_command(miniapps.eigensolver.fault.${point}.np3 NP 3 TIMEOUT 30
        COMMAND sh -c "FATHOM_FAULT=${spec} $1 --n 100 --nprow 1 --npcol 2 --nruns 1 && exit 1 || test $? -eq ${code}"
          sh ${eigensolver})
    endforeach()
  endif()
endif()
