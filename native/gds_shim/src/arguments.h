// Arguments of the C ABI: checks of what comes in, and text that goes out.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "failure.h"

namespace tio::gds {

inline void require_argument(const void* argument, const char* name) {
    if (argument == nullptr) throw Failure(TIO_E_INVALID, std::string(name) + " is NULL");
}

// What fits of the text, NUL-terminated; buffer may be NULL. Returns the text's full length in bytes.
inline size_t copy_text(std::string_view text, char* buffer, size_t capacity) {
    if (buffer != nullptr && capacity > 0) {
        const size_t copied = std::min(text.size(), capacity - 1);
        std::memcpy(buffer, text.data(), copied);
        buffer[copied] = '\0';
    }
    return text.size();
}

}  // namespace tio::gds
