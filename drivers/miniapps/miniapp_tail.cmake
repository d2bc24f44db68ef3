add_executable(miniapp_tail ${CMAKE_CURRENT_LIST_DIR}/miniapp_tail.cpp)
target_link_libraries(miniapp_tail PRIVATE fathom_flags fathom::eigen CLI11::CLI11)

if(FATHOM_TESTS)
  set(tail $<TARGET_FILE:miniapp_tail>)
  foreach(vectors "" "--vectors")
    string(REPLACE "--" "." suffix "${vectors}")
    fathom_add_mpi_command(miniapps.tail${suffix}.np2 NP 2
      COMMAND ${tail} --n 150 --route elpa,gram,cascade,svd,pdgesvd,dgesdd,dgejsv,extended ${vectors} --check)
  endforeach()
  if(FATHOM_FAULT_POINTS)
    # A wrong eigenvalue must be seen: the check fails with the certificate's code.
    fathom_add_mpi_command(miniapps.tail.planted.np2 NP 2
      COMMAND sh -c "FATHOM_FAULT=miniapp.eigenvalue:1:shift $1 --n 100 --route cascade --check && exit 1 || test $? -eq 80"
        sh ${tail})
  endif()
endif()
