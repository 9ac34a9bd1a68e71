# A toolchain for RISC-V with vectors (V 1.0), from another machine. The preset rvv uses it.
# QEMU_CPU=rv64,v=true,vext_spec=v1.0,vlen=256 in the environment chooses the length of vectors, in bits; without it there
# are none. Highway 1.0.3 compiles with clang 14 (see riscv_vector_14.h), Highway 1.4.0 with clang 19.
set(processor riscv64)
set(compiler clang++-14)
include(${CMAKE_CURRENT_LIST_DIR}/debian_cross.cmake)
