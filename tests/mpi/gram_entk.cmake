file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/gram_entk/*.cpp)
fathom_mpi_test(gram.entk NP 1 2 3 4 SOURCES ${sources} LINKS fathom::gram fathom::eigen quadmath)
target_include_directories(test_gram_entk PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/gram
  ${CMAKE_CURRENT_SOURCE_DIR}/gram_factor ${PROJECT_SOURCE_DIR}/tests/unit/networks)

if(FATHOM_FAULT_POINTS)
  # One process, one planted fault: what the tangent kernel's makers do about it.
  add_executable(test_gram_entk_faults ${CMAKE_CURRENT_SOURCE_DIR}/gram_entk_faults/faults_main.cpp)
  target_link_libraries(test_gram_entk_faults PRIVATE fathom_flags fathom::gram)
  target_include_directories(test_gram_entk_faults PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/gram_entk)
  # fault : outcome, what is made
  foreach(entry
      "gram.entk:1:throw=74 in_place" "gram.entk:2:alloc=71 made_once" "gram.entk:0:nan=nan in_place"
      "gram.entk:1:nan=nan made_once" "gram.entk.products:2:throw=74 in_place"
      "gram.entk.products:1:alloc=71 made_once" "gram.factor:1:throw=74 factor"
      "gram.factor:2:nan=nan factor" "gram.entk.apply:2:alloc=71 operator"
      "gram.entk.statistics:1:throw=74 statistics" "gram.entk.statistics:1:nan=82 statistics"
      "none:0:none=0 in_place" "none:0:none=0 made_once" "none:0:none=0 factor"
      "none:0:none=0 operator" "none:0:none=0 statistics")
    string(REGEX REPLACE "=.*" "" fault ${entry})
    string(REGEX REPLACE ".*=" "" arguments ${entry})
    string(REGEX REPLACE "=[^ ]* " "." point ${entry})
    string(REPLACE ":" "." point ${point})
    fathom_add_mpi_command(gram.entk_faults.${point}.np3 NP 3 TIMEOUT 30
      COMMAND sh -c "FATHOM_FAULT=${fault} exec $1 ${arguments}" sh $<TARGET_FILE:test_gram_entk_faults>)
  endforeach()
endif()
