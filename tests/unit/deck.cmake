# Decks and golden messages are in tests/deck; FATHOM_UPDATE_GOLDEN=1 in the environment of
# test_deck_golden or test_deck_reference writes them anew.
foreach(subject access duration golden hostile lists overrides reference sweep sweep_point)
  fathom_unit_test(deck.${subject} SOURCES ${PROJECT_SOURCE_DIR}/tests/unit/deck/${subject}_test.cpp
    LINKS fathom::deck nlohmann_json::nlohmann_json)
  target_include_directories(test_deck_${subject} PRIVATE ${PROJECT_SOURCE_DIR}/tests/unit)
  target_compile_definitions(test_deck_${subject} PRIVATE FATHOM_ROOT="${PROJECT_SOURCE_DIR}")
endforeach()
