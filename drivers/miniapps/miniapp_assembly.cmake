add_executable(miniapp_assembly ${CMAKE_CURRENT_LIST_DIR}/miniapp_assembly.cpp)
target_link_libraries(miniapp_assembly PRIVATE fathom_flags fathom::gram CLI11::CLI11)

if(FATHOM_TESTS)
  set(assembly $<TARGET_FILE:miniapp_assembly>)
  foreach(kernel overlap population features features_covariance)
    fathom_add_mpi_command(miniapps.assembly.${kernel}.np2 NP 2
      COMMAND ${assembly} --kernel ${kernel} --n 300 --d 280 --v 500 --nruns 1 --check)
  endforeach()
  foreach(backend in_place made_once pblas)
    fathom_add_mpi_command(miniapps.assembly.${backend}.np4 NP 4
      COMMAND ${assembly} --kernel overlap --n 257 --v 600 --nb 16 --backend ${backend} --nruns 1 --check)
  endforeach()
  # A wrong entry must be seen: the check fails with the certificate's code.
  fathom_add_mpi_command(miniapps.assembly.planted.np2 NP 2
    COMMAND sh -c "$1 --kernel population --n 200 --v 300 --nruns 1 --check --plant && exit 1 || test $? -eq 80" sh
      ${assembly})
  if(FATHOM_FAULT_POINTS)
    # What strikes one rank ends all of them, with its code.
    foreach(fault gram.allocate:1:alloc:71 gram.signals:0:throw:74 gram.products:1:throw:74
        gram.map:1:input:66)
      string(REGEX REPLACE ":[0-9]+$" "" spec ${fault})
      string(REGEX REPLACE ".*:" "" code ${fault})
      string(REGEX REPLACE ":.*" "" point ${fault})
      foreach(backend in_place made_once)
        fathom_add_mpi_command(miniapps.assembly.fault.${point}.${backend}.np3 NP 3 TIMEOUT 30
          COMMAND sh -c "FATHOM_FAULT=${spec} $1 --kernel population --n 60 --v 90 --nprow 1 --npcol 2 --backend ${backend} --nruns 1 && exit 1 || test $? -eq ${code}"
            sh ${assembly})
      endforeach()
    endforeach()
  endif()
endif()
