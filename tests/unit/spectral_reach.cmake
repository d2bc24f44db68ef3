foreach(subject student position gradient_flow reach reach_verdict loss_fit)
  fathom_unit_test(spectral.${subject}
    SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/spectral_reach/${subject}_test.cpp LINKS fathom::spectral)
endforeach()
