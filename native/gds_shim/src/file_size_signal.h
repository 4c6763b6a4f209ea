// Growing a file past RLIMIT_FSIZE raises SIGXFSZ, whose default action kills the process.
#pragma once

#include <csignal>

namespace tio::gds {

// Holds SIGXFSZ back on this thread for its lifetime and swallows the one that the guarded call raised: the
// caller learns of it as EFBIG, and the host process survives.
class FileSizeSignalBlock {
  public:
    FileSizeSignalBlock() noexcept;
    ~FileSizeSignalBlock();
    FileSizeSignalBlock(const FileSizeSignalBlock&) = delete;
    FileSizeSignalBlock& operator=(const FileSizeSignalBlock&) = delete;

  private:
    sigset_t previous_mask_;
    bool was_pending_;
};

// For threads of the shim: no signal of the host application is ever handled on them.
void block_all_signals() noexcept;

}  // namespace tio::gds
