# What the toolchains for other machines share: Debian's cross compilers and libraries, and qemu to run what they make.
# `processor` is the machine, `compiler` what compiles for it if CMAKE_CXX_COMPILER does not say.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${processor})
if(NOT CMAKE_CXX_COMPILER)
  set(CMAKE_CXX_COMPILER ${compiler})
endif()
set(CMAKE_CXX_COMPILER_TARGET ${processor}-linux-gnu) # for clang; g++ does not look at it

# Libraries are those for that machine or none, never this machine's.
set(CMAKE_FIND_ROOT_PATH /usr/${processor}-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(kind INCLUDE LIBRARY PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${processor} -L /usr/${processor}-linux-gnu)
