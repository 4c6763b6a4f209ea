// A gate in front of an allocator of libtorch's: an allocation that would pass the limit first asks for room,
// so that the limit holds before the bytes exist; frees are seen on every thread (libtorch's own memory
// reporter is thread-local and misses, for one, the garbage collector's finalizer thread).
#pragma once

#include <cstdint>

#include "admission.h"
#include "torch_abi.h"

namespace tio {

inline constexpr uint64_t kTombstoneBytes = 64;

// Gates are never destroyed: storages point to their functions as long as they live.
class AllocationGate : public Admission {
  public:
    virtual void uninstall() = 0;
    virtual void set_limit(uint64_t limit, uint64_t cache_limit) = 0;
    virtual uint64_t cache_limit() const { return 0; }
    // Freed bytes that the gate itself keeps for reuse.
    virtual uint64_t cached() const { return 0; }
    // What the allocator behind the gate holds of the device, free or used; 0 where it does not tell.
    virtual uint64_t reserved() const { return 0; }

    // Whether storages on `device` are operands of a session over this gate.
    virtual bool watches(abi::Device device) const = 0;
    // True when `deleter` is one of the gate's.
    virtual bool owns(abi::Deleter deleter) const = 0;
    // A block that the allocator made before the gate stood in front of it.
    virtual bool can_adopt(const abi::DataPtr& pointer, const abi::Allocator* allocator) const = 0;
    // Frees it through the gate from now on; its bytes were admitted. `allocator` is the storage's own.
    virtual void adopt(abi::DataPtr& pointer, abi::Allocator*& allocator, uint64_t bytes) = 0;

    // For release and restore, inside a SilentScope. A tombstone is not counted yet.
    virtual abi::DataPtr block(uint64_t bytes, abi::Device device) = 0;
    virtual abi::DataPtr tombstone(abi::Device device) = 0;
    virtual bool is_tombstone(void* data) const = 0;
    // A tombstone replaces the block it stands for: it is counted once that block is gone, so that releasing
    // never raises the peak.
    virtual void count_tombstone() = 0;

  protected:
    ~AllocationGate() = default;
};

}  // namespace tio
