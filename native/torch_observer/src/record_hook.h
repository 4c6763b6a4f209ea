// libtorch's RecordFunction callbacks turned into events.
#pragma once

#include <cstdint>
#include <string>

#include "allocation_gate.h"
#include "layout.h"
#include "symbols.h"
#include "tio_observer.h"

namespace tio {

struct HookSettings {
    uint64_t minimum_bytes = UINT64_MAX;
    uint32_t flags = 0;
};

class RecordHook {
  public:
    // Begins delivering; what it is given must outlive it. Operands are storages that the gate watches.
    static void install(const Symbols& symbols, const Layout& layout, AllocationGate& gate,
                        const tio_obs_handlers* handlers, const HookSettings& settings);
    static void uninstall();
    static uint64_t operations();
    static uint64_t deliveries();
};

// Fills `operand` from a storage; adopts foreign memory where it can and tells so. A storage that the gate
// does not watch leaves it empty.
bool describe_storage(void* storage, const Layout& layout, AllocationGate& gate, uint64_t minimum_bytes,
                      tio_obs_operand& operand);

}  // namespace tio
