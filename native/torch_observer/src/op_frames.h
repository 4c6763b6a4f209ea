// The stack of observed ops on the calling thread.
#pragma once

#include <cstdint>

namespace tio {

class OpFrames {
  public:
    static uint32_t depth();
    // Some handler ran inside the current outermost op: its end must be delivered, so that the caller can let
    // go of what it pinned.
    static void mark_delivered();
    static uint64_t thread_number();
    // Backward nodes nest: a node may run the backward pass of a graph of its own.
    static void enter_backward();
    static void leave_backward();
    static bool in_backward();

    static void enter();
    // Returns the depth of the op that ended.
    static uint32_t leave();
    // Reads and clears the mark; meaningful at depth 0.
    static bool take_delivered();
};

}  // namespace tio
