// Offsets inside libtorch objects, per exact version. A new version is one more row in layout.cpp plus its
// self-proof.
#pragma once

#include <cstdint>
#include <string>

namespace tio {

struct Layout {
    const char* version;
    // at::RecordFunction (release build)
    int32_t record_scope;   // uint8_t: StepCallbacks::scope_
    int32_t record_schema;  // std::variant<std::string, reference_wrapper<const FunctionSchema>>: payload
    int32_t record_schema_index;  // its index byte: 1 = schema
    int32_t record_sequence;      // int64_t
    int32_t record_inputs;        // ArrayRef<const IValue>: pointer, length
    int32_t record_outputs;       // std::vector<IValue>
    // c10::TensorImpl
    int32_t tensor_storage;  // intrusive_ptr<StorageImpl>
    // c10::StorageImpl
    int32_t storage_data_ptr;         // DataPtr
    int32_t storage_bytes;            // SymInt holding an int64
    int32_t storage_resizable;        // bool
    int32_t storage_mutable_check;    // bool has_mutable_data_ptr_check_
    int32_t storage_throw_mutable;    // bool
    int32_t storage_throw_immutable;  // bool
    int32_t storage_allocator;        // Allocator*
    // c10::detail::ListImpl
    int32_t list_vector;  // std::vector<IValue>
    // Entries of the virtual table of c10::cuda::CUDACachingAllocator::CUDAAllocator
    int32_t entry_allocate;            // Allocator: DataPtr(size_t)
    int32_t entry_raw_deleter;         // Allocator: Deleter() const
    int32_t entry_record_stream;       // DeviceAllocator: void(const DataPtr&, Stream)
    int32_t entry_record_cuda_stream;  // CUDAAllocator: void(const DataPtr&, CUDAStream)
    // c10::IValue tags
    uint32_t tag_tensor;
    uint32_t tag_storage;
    uint32_t tag_list;
    // c10::CachingDeviceAllocator::DeviceStats as words, and the entry that returns it: for information only
    uint32_t entry_statistics;
    uint32_t statistics_allocated;  // word: bytes in blocks now
    uint32_t statistics_reserved;   // word: bytes held of the device now
};

// The int32_t fields in order, for tests that falsify one: the last four matter to sessions on CUDA only.
inline constexpr uint32_t kLayoutFields = 19;

// nullptr when the version has no row.
const Layout* find_layout(const std::string& version);
std::string known_versions();
// Tests: a copy of `base` with the 1-based `field` moved by `bytes`.
Layout skewed(const Layout& base, uint32_t field, int32_t bytes);

}  // namespace tio
