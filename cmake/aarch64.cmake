# A toolchain for 64-bit Arm, from another machine. The presets neon, sve and so on use it.
# QEMU_CPU=max,sve-default-vector-length=32 in the environment chooses the length of SVE's vectors, in bytes.
set(processor aarch64)
set(compiler aarch64-linux-gnu-g++)
include(${CMAKE_CURRENT_LIST_DIR}/debian_cross.cmake)
