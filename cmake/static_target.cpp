// Carries the name of the static target as text, for development.cmake to read out of the program, which never runs.
#include "bcr/simd/ops-inl.h"

struct labelled_name {
  char text[64] = "bcr_static_target=";
  constexpr labelled_name() {
    const char* name = bcr::BCR_TARGET_NS::target_name();
    for (int i = 18; i < 63 && *name != '\0'; ++i) text[i] = *name++;
  }
};
constinit const volatile labelled_name found;

int main(int count, char**) { return found.text[count]; }
