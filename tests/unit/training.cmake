foreach(subject batches learning_rate model_groups optimiser samples)
  fathom_unit_test(training.${subject} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/training/${subject}_test.cpp
    LINKS fathom::training)
endforeach()
