// cuFile's handles of open files.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "cufile/library.h"
#include "file.h"

namespace tio::gds::cufile {

// Registering a descriptor is costly, so it is done at a file's first transfer and kept until the file closes
// or the driver does: always deregistered before the descriptor is closed, never with transfers in flight.
//
// Thread-safe.
class FileRegistry final : public FileCloseListener {
  public:
    void open(const EntryPoints& call);
    void close() noexcept;

    // 0 and the handle, or cuFile's error. `error` is complete for a message.
    Error handle_of(File& file, Handle& handle);
    void closing(File& file) noexcept override;

    uint32_t registered_files() const;

  private:
    mutable std::mutex mutex_;
    const EntryPoints* call_ = nullptr;
    std::unordered_map<const File*, Handle> handles_;
};

}  // namespace tio::gds::cufile
