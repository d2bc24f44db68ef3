fathom_unit_test(studies.kept_results
  SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/studies_kept/kept_results_test.cpp LINKS fathom::studies)
