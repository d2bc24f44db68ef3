file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/gram_factor/*.cpp)
fathom_mpi_test(gram.factor NP 1 2 3 4 SOURCES ${sources} LINKS fathom::gram quadmath)
target_include_directories(test_gram_factor PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/gram)

if(FATHOM_FAULT_POINTS)
  # One process, one planted fault: what an operator does about it.
  add_executable(test_gram_factor_faults ${CMAKE_CURRENT_SOURCE_DIR}/gram_factor_faults/faults_main.cpp)
  target_link_libraries(test_gram_factor_faults PRIVATE fathom_flags fathom::gram)
  # fault : outcome, kind of factor
  foreach(entry
      "gram.factor:1:throw=74 features" "gram.factor:2:alloc=71 khatri_rao"
      "gram.factor:0:throw=74 coordinates" "gram.factor:1:alloc=71 samples"
      "gram.factor:1:nan=nan features" "gram.factor:2:nan=nan khatri_rao"
      "gram.factor_rows:2:alloc=71 features" "gram.factor_rows:1:alloc=71 held"
      "gram.apply:2:throw=74 khatri_rao" "none:0:none=0 held")
    string(REGEX REPLACE "=.*" "" fault ${entry})
    string(REGEX REPLACE ".*=" "" arguments ${entry})
    string(REGEX REPLACE "=[^ ]* " "." point ${entry})
    string(REPLACE ":" "." point ${point})
    fathom_add_mpi_command(gram.factor_faults.${point}.np3 NP 3 TIMEOUT 30
      COMMAND sh -c "FATHOM_FAULT=${fault} exec $1 ${arguments}" sh $<TARGET_FILE:test_gram_factor_faults>)
  endforeach()
endif()
