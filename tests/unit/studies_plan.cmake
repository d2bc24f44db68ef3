fathom_unit_test(studies.plan LINKS fathom::run
  SOURCES ${PROJECT_SOURCE_DIR}/tests/unit/studies_plan/memory_test.cpp
    ${PROJECT_SOURCE_DIR}/tests/unit/studies_plan/time_test.cpp
    ${PROJECT_SOURCE_DIR}/tests/unit/studies_plan/machine_test.cpp
    ${PROJECT_SOURCE_DIR}/tests/unit/studies_plan/run_plan_test.cpp)
