# What the library's own tests, examples and benchmarks share; users of bcr::bcr see nothing of it.

set(CMAKE_CXX_EXTENSIONS OFF)

# For another machine than this one, headers of this one that serve every machine, in a folder of their own: where they
# come from there are those of this machine's C library as well.
if(CMAKE_CROSSCOMPILING)
  set(BCR_PORTABLE_HEADERS ${CMAKE_BINARY_DIR}/portable_headers)
  file(MAKE_DIRECTORY ${BCR_PORTABLE_HEADERS})
  foreach(library hwy xsimd doctest)
    file(CREATE_LINK /usr/include/${library} ${BCR_PORTABLE_HEADERS}/${library} SYMBOLIC)
  endforeach()
  set(BCR_HIGHWAY_INCLUDE_DIR ${BCR_PORTABLE_HEADERS} CACHE PATH "Where Highway's headers are; any release from 1.0.3 on")
  set(BCR_XSIMD_INCLUDE_DIR ${BCR_PORTABLE_HEADERS} CACHE PATH "Where xsimd's headers are; any release from 8.1 on")
endif()
foreach(simd highway xsimd)
  bcr_find_simd_headers(${simd})
endforeach()

# Without an instruction set nothing here would be worth running.
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CROSSCOMPILING AND NOT CMAKE_CXX_FLAGS MATCHES "-m[a-z]")
  message(STATUS "bcr: no instruction set in CMAKE_CXX_FLAGS, taking this machine's (-march=native)")
  string(APPEND CMAKE_CXX_FLAGS " -march=native")
endif()

# Sets `definitions` and `include_directories` to what the back end needs. The two SIMD libraries are used as headers:
# nothing is linked.
macro(bcr_simd_backend backend)
  set(definitions)
  set(include_directories)
  if(${backend} STREQUAL "highway" AND BCR_HIGHWAY_INCLUDE_DIR)
    set(include_directories ${BCR_HIGHWAY_INCLUDE_DIR})
  elseif(${backend} STREQUAL "xsimd" AND BCR_XSIMD_INCLUDE_DIR)
    set(include_directories ${BCR_XSIMD_INCLUDE_DIR})
    set(definitions BCR_SIMD_XSIMD)
  elseif(${backend} STREQUAL "scalar")
    set(definitions BCR_SIMD_SCALAR)
  elseif(NOT ${backend} STREQUAL "none")
    message(FATAL_ERROR "BCR_SIMD: the headers of '${backend}' were not found, or there is no such back end.")
  endif()
endmacro()

# bcr_own_code(target [highway|xsimd|scalar|none]): the library, a SIMD back end, and warnings as errors.
function(bcr_own_code target)
  set(backend ${ARGN})
  if(NOT backend)
    set(backend highway)
  endif()
  bcr_simd_backend(${backend})
  target_link_libraries(${target} PRIVATE bcr::bcr)
  target_include_directories(${target} SYSTEM PRIVATE ${include_directories})
  target_compile_definitions(${target} PRIVATE ${definitions})
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
endfunction()

set(BCR_EXPECTED_TARGET "" CACHE STRING "Target that the flags are for; another is an error. Anything if empty")

# Says for which target the flags compile, a question whose answer is easily less than one thought.
function(bcr_print_static_target backend)
  bcr_simd_backend(${backend})
  list(TRANSFORM definitions PREPEND -D)
  set(binary ${CMAKE_BINARY_DIR}/static_target_${backend})
  try_compile(compiles ${CMAKE_BINARY_DIR}/static_target ${PROJECT_SOURCE_DIR}/cmake/static_target.cpp
              CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${PROJECT_SOURCE_DIR}/include\;${include_directories}"
              COMPILE_DEFINITIONS ${definitions} CXX_STANDARD 20 COPY_FILE ${binary} OUTPUT_VARIABLE output)
  if(NOT compiles)
    message(FATAL_ERROR "bcr: the back end ${backend} does not compile with CMAKE_CXX_FLAGS=${CMAKE_CXX_FLAGS}\n${output}")
  endif()
  file(STRINGS ${binary} name REGEX "bcr_static_target=")
  string(REGEX REPLACE ".*bcr_static_target=([a-z0-9_]*).*" "\\1" name "${name}")
  message(STATUS "bcr: the static target of ${backend} is ${name}")
  string(REGEX MATCH "^(xsimd|scalar)" expected_backend "${BCR_EXPECTED_TARGET}")
  if(NOT expected_backend)
    set(expected_backend highway)
  endif()
  if(backend STREQUAL expected_backend AND BCR_EXPECTED_TARGET AND NOT name STREQUAL BCR_EXPECTED_TARGET)
    message(FATAL_ERROR "bcr: CMAKE_CXX_FLAGS=${CMAKE_CXX_FLAGS} give ${name}, where ${BCR_EXPECTED_TARGET} was expected.")
  endif()
endfunction()

foreach(backend IN LISTS BCR_SIMD)
  bcr_print_static_target(${backend})
endforeach()
