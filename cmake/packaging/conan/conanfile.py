"""bcr for Conan 2:  conan create cmake/packaging/conan

The option `simd` chooses the vectors: highway, xsimd, or scalar, which needs no other package and is slow.
"""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout


class Bcr(ConanFile):
    name = "bcr"
    description = "Fast layers for BCR-pruned neural networks"
    license = "Apache-2.0"
    topics = ("neural-network", "pruning", "sparse", "simd", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"simd": ["highway", "xsimd", "scalar"]}
    default_options = {"simd": "highway"}
    no_copy_source = True

    @property
    def _tree(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._tree, "include", "bcr", "core", "version.hpp"))
        self.version = ".".join(re.findall(r"^#define BCR_VERSION_\w+ (\d+)", header, re.MULTILINE))

    def export_sources(self):
        for pattern in ("LICENSE", "include/*", "cmake/dispatch_*"):
            copy(self, pattern, self._tree, self.export_sources_folder)

    def layout(self):
        basic_layout(self)

    def requirements(self):
        if self.options.simd == "highway":
            self.requires("highway/[>=1.0.3]", transitive_headers=True)
        elif self.options.simd == "xsimd":
            self.requires("xsimd/[>=8.1]", transitive_headers=True)

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        for pattern in ("*.hpp", "*.h"):
            copy(self, pattern, os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))
        copy(self, "dispatch_*", os.path.join(self.source_folder, "cmake"), os.path.join(self.package_folder, "cmake"))

    def package_info(self):
        self.cpp_info.bindirs = self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "bcr")
        self.cpp_info.set_property("cmake_target_name", "bcr::bcr")
        self.cpp_info.set_property("pkg_config_name", "bcr")
        self.cpp_info.builddirs = ["cmake"]
        # bcr_add_dispatch_library(), for whoever finds the package with CMake.
        self.cpp_info.set_property("cmake_build_modules", [os.path.join("cmake", "dispatch_library.cmake")])
        if self.options.simd != "highway":
            self.cpp_info.defines = [f"BCR_SIMD_{str(self.options.simd).upper()}"]
