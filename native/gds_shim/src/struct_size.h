// How `struct_size` makes structs extensible: a newer caller may pass more than this build knows, an older
// one less.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

#include "failure.h"

namespace tio::gds {

// Input: every field of this version must be there; what a newer caller appended is ignored.
template <typename Struct>
void require_struct_size(const Struct& input, const char* type) {
    if (input.struct_size < sizeof(Struct))
        throw Failure(TIO_E_INVALID, std::string(type) + ".struct_size is " +
                                         std::to_string(input.struct_size) + ", expected at least " +
                                         std::to_string(sizeof(Struct)));
}

// Output: fills what the caller has room for and leaves its struct_size alone.
template <typename Struct>
void copy_out(Struct value, Struct* output, const char* type) {
    if (output == nullptr) throw Failure(TIO_E_INVALID, std::string(type) + " is NULL");
    require_struct_size(*output, type);
    value.struct_size = output->struct_size;
    std::memcpy(output, &value, sizeof(Struct));
}

}  // namespace tio::gds
