# bcr_onnx_network(NAME MODEL [OPTION...]): from an ONNX model to a program. convert.py, with these options, writes
# NAME.hpp and NAME.safetensors into a folder NAME of the build; the program NAME_pack is compiled for that header, and
# the target NAME_weights has it write NAME.bcr beside it, the packed weights in one file; NAME_run is what runs them.
set(BCR_ONNX_FOLDER ${CMAKE_CURRENT_LIST_DIR})

function(bcr_onnx_network name model)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name})
  set(header ${folder}/${name}.hpp)
  set(weights ${folder}/${name}.safetensors)
  file(GLOB sources CONFIGURE_DEPENDS ${BCR_ONNX_FOLDER}/*.py)
  add_custom_command(OUTPUT ${header} ${weights} DEPENDS ${model} ${sources} VERBATIM
                     COMMAND ${BCR_ONNX_PYTHON} -B ${BCR_ONNX_FOLDER}/convert.py ${model} ${folder} --name ${name} ${ARGN})
  foreach(program pack run)
    add_executable(${name}_${program} ${BCR_ONNX_FOLDER}/${program}.cpp ${header})
    bcr_own_code(${name}_${program})
    target_include_directories(${name}_${program} PRIVATE ${folder} ${BCR_ONNX_FOLDER}/../common)
    target_compile_definitions(${name}_${program} PRIVATE "BCR_NETWORK_HEADER=\"${name}.hpp\""
                                                          BCR_NETWORK=${name}::network)
    set_target_properties(${name}_${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  endforeach()
  target_link_libraries(${name}_pack PRIVATE nlohmann_json::nlohmann_json)
  add_custom_command(OUTPUT ${folder}/${name}.bcr DEPENDS ${name}_pack ${weights} VERBATIM
                     COMMAND ${name}_pack ${weights} ${folder}/${name}.bcr)
  add_custom_target(${name}_weights ALL DEPENDS ${folder}/${name}.bcr)
endfunction()
