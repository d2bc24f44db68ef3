fathom_unit_test(run.wall_limit SOURCES ${PROJECT_SOURCE_DIR}/tests/unit/run/wall_limit_test.cpp LINKS fathom::run)
fathom_unit_test(run.stop_signals SOURCES ${PROJECT_SOURCE_DIR}/tests/unit/run/stop_signals_test.cpp LINKS fathom::run)
