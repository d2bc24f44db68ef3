add_executable(miniapp_entk ${CMAKE_CURRENT_LIST_DIR}/miniapp_entk.cpp)
target_link_libraries(miniapp_entk PRIVATE fathom_flags fathom::gram CLI11::CLI11)

if(FATHOM_TESTS)
  set(entk $<TARGET_FILE:miniapp_entk>)
  foreach(kind all trace sum)
    fathom_add_mpi_command(miniapps.entk.${kind}.np2 NP 2
      COMMAND ${entk} --kind ${kind} --n 41 --width 24 --depth 2 --nruns 1 --check)
  endforeach()
  fathom_add_mpi_command(miniapps.entk.made_once.np4 NP 4
    COMMAND ${entk} --movement made_once --n 50 --width 17 --nb 7 --classes 4 --nruns 1 --check)
  # Several blocks of products and more than one pass across the diagonal.
  foreach(ranks 1 2 4)
    fathom_add_mpi_command(miniapps.entk.blocks.np${ranks} NP ${ranks}
      COMMAND ${entk} --n 400 --input 5 --width 9 --depth 1 --nruns 1 --movement in_place --check)
  endforeach()
  # A wrong entry must be seen: the check fails with the certificate's code.
  fathom_add_mpi_command(miniapps.entk.planted.np2 NP 2
    COMMAND sh -c "$1 --n 40 --width 16 --nruns 1 --check --plant && exit 1 || test $? -eq 80" sh ${entk})
  if(FATHOM_FAULT_POINTS)
    fathom_add_mpi_command(miniapps.entk.fault.np2 NP 2 TIMEOUT 30
      COMMAND sh -c "FATHOM_FAULT=gram.entk:1:alloc $1 --n 40 --width 16 --nruns 1 && exit 1 || test $? -eq 71"
        sh ${entk})
  endif()
endif()
