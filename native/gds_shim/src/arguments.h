// Checks of the arguments of the C ABI.
#pragma once

#include <string>

#include "failure.h"

namespace tio::gds {

inline void require_argument(const void* argument, const char* name) {
    if (argument == nullptr) throw Failure(TIO_E_INVALID, std::string(name) + " is NULL");
}

}  // namespace tio::gds
