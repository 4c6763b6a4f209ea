// The gate for the memory of one CUDA device. libtorch's caching allocator stays where it is: its `allocate`
// is ours while the gate is installed, the blocks are its own. Each has our deleter, so that frees on every
// thread are seen; `recordStream`, which knows blocks by their deleter, is given the block as it was.
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <unordered_map>

#include "allocation_gate.h"
#include "layout.h"
#include "symbols.h"
#include "virtual_table.h"

namespace tio {

class DeviceGate final : public AllocationGate {
  public:
    static DeviceGate& instance();

    // Puts the gate in front of libtorch's CUDA allocator, for blocks on device `index`. Empty, or why not.
    std::string install(const Symbols& symbols, const CudaSymbols& cuda, const Layout& layout, int8_t index);
    void uninstall() override;
    void set_limit(uint64_t limit, uint64_t) override { store_limit(limit); }
    uint64_t reserved() const override;

    bool watches(abi::Device device) const override {
        return device.type == abi::kCuda && device.index == index_;
    }
    bool owns(abi::Deleter deleter) const override { return deleter == &delete_block; }
    bool can_adopt(const abi::DataPtr& pointer, const abi::Allocator* allocator) const override;
    void adopt(abi::DataPtr& pointer, abi::Allocator*& allocator, uint64_t bytes) override;
    // From libtorch's allocator, on the stream that is current for the calling thread.
    abi::DataPtr block(uint64_t bytes, abi::Device device) override;
    // A little host memory that says it is on the device.
    abi::DataPtr tombstone(abi::Device device) override;
    bool is_tombstone(void* data) const override;
    void count_tombstone() override {}  // is no memory of the device
    // False when the block is none of the gate's.
    bool free_kept(void* data);

    abi::Allocator* allocator() const { return object_; }
    // The one that the allocator itself gives its blocks.
    abi::Deleter default_deleter() const { return default_deleter_; }
    int8_t index() const { return index_; }
    bool knows(void* data) const;
    // The stream that is current for the calling thread on the gate's device.
    bool current_stream(void** stream) const;

    // What the allocator says of itself; believed by reserved() once the self-proof has compared it.
    struct Statistics {
        uint64_t allocated = 0;
        uint64_t reserved = 0;
    };
    Statistics statistics() const;
    void believe_statistics(bool believed) { believed_ = believed; }

    // What the gate saw of recordStream on the calling thread, for the self-proof.
    struct RecordedStreams {
        uint64_t generic = 0;  // calls of DeviceAllocator's
        uint64_t cuda = 0;     // calls of CUDAAllocator's
        abi::Deleter deleter_at_cuda = nullptr;
    };
    static RecordedStreams recorded_streams();

  private:
    struct Block {
        uint64_t bytes;
        abi::Deleter deleter;
        void* context;
        int8_t index;
        bool counted;
        bool announced;
        bool tombstone;
    };
    using Allocate = abi::DataPtr (*)(abi::Allocator*, size_t);
    using RawDeleter = abi::Deleter (*)(const abi::Allocator*);
    using RecordStream = void (*)(abi::Allocator*, const abi::DataPtr&, abi::Stream);

    // At least as large as c10::CachingDeviceAllocator::DeviceStats; returned in memory of the caller's.
    struct Words {
        std::array<int64_t, 512> at;
    };
    using DeviceStats = Words (*)(abi::Allocator*, int8_t);

    DeviceGate() = default;

    // Stand in the allocator's table of virtual functions.
    static abi::DataPtr allocate_entry(abi::Allocator* self, size_t bytes);
    static abi::Deleter raw_deleter_entry(const abi::Allocator* self);
    static void record_stream_entry(abi::Allocator* self, const abi::DataPtr& pointer, abi::Stream stream);
    static void record_cuda_stream_entry(abi::Allocator* self, const abi::DataPtr& pointer,
                                         abi::Stream stream);
    static void delete_block(void* data);

    bool is_current_device(int8_t index) const;
    abi::DataPtr admitted(uint64_t bytes);
    void wrap(abi::DataPtr& pointer, uint64_t bytes, bool counted, bool announced);
    void remember(void* data, const Block& block);
    bool find(void* data, Block& block) const;
    void record(RecordStream original, abi::Allocator* self, const abi::DataPtr& pointer, abi::Stream stream);

    CudaSymbols cuda_;
    VirtualTable table_;
    abi::Allocator* object_ = nullptr;
    abi::Deleter default_deleter_ = nullptr;
    Allocate allocate_ = nullptr;
    RawDeleter raw_deleter_ = nullptr;
    RecordStream record_stream_ = nullptr;
    RecordStream record_cuda_stream_ = nullptr;
    DeviceStats device_stats_ = nullptr;
    size_t allocated_word_ = 0;
    size_t reserved_word_ = 0;
    std::atomic<bool> installed_{false};
    std::atomic<int8_t> index_{-1};
    std::atomic<bool> believed_{false};
    mutable std::mutex mutex_;  // of the blocks; nothing is called under it
    std::unordered_map<void*, Block> blocks_;
};

}  // namespace tio
