#include "layout.h"

#include <cstddef>
#include <cstring>

namespace tio {

namespace {

const Layout kLayouts[] = {
    {
        "2.10.0",
        /*record_scope*/ 96,
        /*record_schema*/ 160,
        /*record_schema_index*/ 192,
        /*record_sequence*/ 200,
        /*record_inputs*/ 208,
        /*record_outputs*/ 280,
        /*tensor_storage*/ 16,
        /*storage_data_ptr*/ 16,
        /*storage_bytes*/ 48,
        /*storage_resizable*/ 57,
        /*storage_mutable_check*/ 59,
        /*storage_throw_mutable*/ 60,
        /*storage_throw_immutable*/ 61,
        /*storage_allocator*/ 64,
        /*list_vector*/ 16,
        /*entry_allocate*/ 2,
        /*entry_raw_deleter*/ 4,
        /*entry_record_stream*/ 8,
        /*entry_record_cuda_stream*/ 24,
        /*tag_tensor*/ 1,
        /*tag_storage*/ 2,
        /*tag_list*/ 14,
        /*entry_statistics*/ 9,
        /*statistics_allocated*/ 48,
        /*statistics_reserved*/ 60,
    },
};

}  // namespace

const Layout* find_layout(const std::string& version) {
    for (const Layout& layout : kLayouts) {
        if (version == layout.version) return &layout;
    }
    return nullptr;
}

std::string known_versions() {
    std::string text;
    for (const Layout& layout : kLayouts) {
        if (!text.empty()) text += ", ";
        text += layout.version;
    }
    return text;
}

Layout skewed(const Layout& base, uint32_t field, int32_t bytes) {
    Layout copy = base;
    if (field == 0 || field > kLayoutFields) return copy;
    static_assert(offsetof(Layout, entry_record_cuda_stream) - offsetof(Layout, record_scope) ==
                      (kLayoutFields - 1) * sizeof(int32_t),
                  "kLayoutFields counts them");
    auto* offsets = reinterpret_cast<char*>(&copy) + offsetof(Layout, record_scope);
    int32_t value = 0;
    std::memcpy(&value, offsets + (field - 1) * sizeof(int32_t), sizeof value);
    value += bytes;
    std::memcpy(offsets + (field - 1) * sizeof(int32_t), &value, sizeof value);
    return copy;
}

}  // namespace tio
