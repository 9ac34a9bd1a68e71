# bcr_add_dispatch_library(name [TYPES float double float+bf16 float+f16 float+i8 bf16] [EPILOGUES chain ...] [SIMD highway|xsimd])
#
# A static library of kernels for every instruction set, for one binary that runs everywhere: link it, include
# bcr/dispatch.hpp, and every plan takes the best target that the processor runs.
#
#   TYPES      float if not said otherwise: of activations and weights, or joined by + where weights have one of their
#              own; bf16 is for both in bf16 and results in float, both<bf16> in C++, and has gemm and linear. Each is
#              a file to compile, bf16 two, and stands for itself: float+bf16 does not bring float
#   EPILOGUES  what happens to results before they are stored: words of bcr::epilogue, joined by + in a chain. If not
#              said otherwise: none relu bias bias+relu bias+residual bias+residual+relu bias+gelu
#   SIMD       the library that the kernels are made with. Its headers are looked for, and BCR_HIGHWAY_INCLUDE_DIR or
#              BCR_XSIMD_INCLUDE_DIR say where they are
#
# A plan with a type or an epilogue that is not listed does not compile, and says so. Kernels do not depend on the block,
# and every library has the tiles of all widths, so there is nothing to list of these.
#
# On x86 the targets are sse4, avx2, avx3 (AVX-512; xsimd_sse4 and so on with xsimd) and what the project's own flags
# allow, which is the least that the binary needs; a target below that is not built. bf16 has avx3_bf16 as well
# (xsimd_avx512bw_bf16), for processors that multiply bf16: Zen 4, Cooper Lake, Sapphire Rapids and later. On 64-bit Arm
# with Linux the targets are neon, sve and sve2, with Highway and g++; Highway trusts no clang before 22 with SVE.
# Elsewhere it is the flags' alone.

# Sets `type` to the C++ type of a chain, with T for the type of its numbers.
function(bcr_epilogue_type chain type)
  set(words none relu relu6 sigmoid tanh silu hard_swish gelu gelu_tanh)
  set(words_of_type bias residual clamp leaky_relu)
  string(REPLACE "+" ";" parts "${chain}")
  set(types)
  foreach(part IN LISTS parts)
    if(part IN_LIST words)
      list(APPEND types epilogue::${part})
    elseif(part IN_LIST words_of_type)
      list(APPEND types epilogue::${part}<T>)
    else()
      message(FATAL_ERROR "bcr_add_dispatch_library: '${part}' in EPILOGUES is no epilogue. There are ${words} ${words_of_type}.")
    endif()
  endforeach()
  list(LENGTH types count)
  list(JOIN types ", " types)
  if(count GREATER 1)
    set(types "epilogue::chain_of<${types}>")
  endif()
  set(${type} "${types}" PARENT_SCOPE)
endfunction()

# Looks for the headers of a SIMD library.
function(bcr_find_simd_headers simd)
  if(simd STREQUAL "highway")
    find_path(BCR_HIGHWAY_INCLUDE_DIR hwy/highway.h DOC "Where Highway's headers are; any release from 1.0.3 on")
  else()
    find_path(BCR_XSIMD_INCLUDE_DIR xsimd/xsimd.hpp DOC "Where xsimd's headers are; any release from 8.1 on")
  endif()
endfunction()

function(bcr_add_dispatch_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SIMD" "TYPES;EPILOGUES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "bcr_add_dispatch_library: what is '${arg_UNPARSED_ARGUMENTS}'? There are TYPES, EPILOGUES and SIMD.")
  endif()
  if(NOT arg_TYPES)
    set(arg_TYPES float)
  endif()
  if(NOT arg_EPILOGUES)
    set(arg_EPILOGUES none relu bias bias+relu bias+residual bias+residual+relu bias+gelu)
  endif()
  if(NOT arg_SIMD)
    set(arg_SIMD highway)
  endif()
  if(NOT arg_SIMD MATCHES "^(highway|xsimd)$")
    message(FATAL_ERROR "bcr_add_dispatch_library: SIMD is highway or xsimd, not '${arg_SIMD}'.")
  endif()
  bcr_find_simd_headers(${arg_SIMD})
  string(TOUPPER BCR_${arg_SIMD}_INCLUDE_DIR simd_folder)
  if(NOT ${simd_folder})
    message(FATAL_ERROR "bcr_add_dispatch_library: the headers of ${arg_SIMD} were not found; set ${simd_folder}.")
  endif()

  string(MAKE_C_IDENTIFIER ${name} id)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name}.dispatch)
  set(header bcr_dispatch/${id}.hpp)
  set(epilogues)
  foreach(chain IN LISTS arg_EPILOGUES)
    bcr_epilogue_type(${chain} type)
    list(APPEND epilogues "${type}")
  endforeach()
  list(REMOVE_DUPLICATES epilogues)
  list(JOIN epilogues ", " epilogues)
  list(REMOVE_DUPLICATES arg_TYPES)
  set(first_types)
  set(declarations)
  set(sources)
  foreach(type IN LISTS arg_TYPES)
    if(NOT type MATCHES "^(float|double|bf16|float[+](f16|bf16|i8))$")
      message(FATAL_ERROR "bcr_add_dispatch_library: TYPES are float, double, float+f16, float+bf16, float+i8 and bf16, not '${type}'.")
    endif()
    string(REPLACE "+" "_" type_id "${type}")
    string(REGEX REPLACE "[+].*" "" activations "${type}")
    string(REGEX REPLACE ".*[+]" "" weights "${type}")
    if(weights STREQUAL "i8")
      set(weights "std::int8_t")
    endif()
    set(types "${activations}, ${weights}")
    if(type STREQUAL "bf16")
      set(types "float, both<bf16>")
    endif()
    if(NOT first_types)
      set(first_types "${types}")
    endif()
    string(APPEND declarations "template <>\ninline constexpr bool has_types<${types}> = true;\n"
           "dispatch_tables<kernel_table<${types}>> tables_of(std::type_identity<kernel_table<${types}>>) noexcept;\n")
    cmake_language(CALL bcr_dispatch_sources_${arg_SIMD} type_sources)
    list(APPEND sources ${type_sources})
  endforeach()
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/dispatch_library.hpp.in ${folder}/${header} @ONLY)

  add_library(${name} STATIC ${sources})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_link_libraries(${name} PUBLIC bcr::bcr)
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${folder}>)
  target_include_directories(${name} SYSTEM PRIVATE ${${simd_folder}})
  # A target that links two would not know which bcr::gemm_plan is meant: CMake refuses it.
  set_target_properties(${name} PROPERTIES INTERFACE_BCR_DISPATCH_LIBRARY ${name}
                        COMPATIBLE_INTERFACE_STRING BCR_DISPATCH_LIBRARY)
  target_compile_definitions(${name} INTERFACE BCR_DISPATCH_LIBRARY="${header}")
endfunction()

# bcr_dispatch_sources_<simd>(sources): writes the files for `types`, in the scope of bcr_add_dispatch_library.
macro(bcr_dispatch_sources_highway result)
  set(${result})
  set(bf16_extern)
  set(bf16_address)
  if(type STREQUAL "bf16") # the only one that gains by the instruction
    set(source ${folder}/${id}_${type_id}_avx3_bf16.cpp)
    configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/dispatch_highway_bf16.cpp.in ${source} @ONLY)
    list(APPEND ${result} ${source})
    set(condition "#if BCR_ADDS_BF16_TARGET\n")
    set(bf16_extern "${condition}extern const kernel_table<${types}> table_${type_id}_avx3_bf16;\n#endif\n")
    set(bf16_address "${condition}    &table_${type_id}_avx3_bf16,\n#endif\n")
  endif()
  set(source ${folder}/${id}_${type_id}.cpp)
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/dispatch_highway.cpp.in ${source} @ONLY)
  list(APPEND ${result} ${source})
endmacro()
macro(bcr_dispatch_sources_xsimd result)
  set(${result} ${folder}/${id}_${type_id}.cpp)
  set(externs)
  set(addresses)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(targets avx512bw fma3_avx2 sse4)
    if(type STREQUAL "bf16") # the only one that gains by the instruction
      list(PREPEND targets avx512bw_bf16)
    endif()
    foreach(target IN LISTS targets)
      set(source ${folder}/${id}_${type_id}_${target}.cpp)
      configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/dispatch_xsimd_target.cpp.in ${source} @ONLY)
      list(APPEND ${result} ${source})
      string(APPEND externs "extern const kernel_table<${types}> table_${type_id}_${target};\n")
      string(APPEND addresses "&table_${type_id}_${target}, ")
    endforeach()
    set_source_files_properties(${folder}/${id}_${type_id}_sse4.cpp PROPERTIES COMPILE_OPTIONS "-msse4.2")
    set_source_files_properties(${folder}/${id}_${type_id}_fma3_avx2.cpp PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-mf16c")
    set(avx512bw "-mavx512f;-mavx512cd;-mavx512dq;-mavx512bw;-mfma;-mf16c")
    set_source_files_properties(${folder}/${id}_${type_id}_avx512bw.cpp PROPERTIES COMPILE_OPTIONS "${avx512bw}")
    set_source_files_properties(${folder}/${id}_${type_id}_avx512bw_bf16.cpp PROPERTIES COMPILE_OPTIONS "${avx512bw};-mavx512bf16")
  endif()
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/dispatch_xsimd.cpp.in ${folder}/${id}_${type_id}.cpp @ONLY)
endmacro()
