// libcufile, opened at run time: one build of the shim runs on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cufile/abi.h"

namespace tio::gds::cufile {

// What a release of libcufile can do beyond synchronous reads and writes; TIO_CUFILE_CAN_* of the C ABI.
struct EntryPoints {
#define TIO_CUFILE_MEMBER(member, symbol, result, arguments) result(*member) arguments = nullptr;
    TIO_CUFILE_REQUIRED(TIO_CUFILE_MEMBER)
    TIO_CUFILE_OPTIONAL(TIO_CUFILE_MEMBER)
#undef TIO_CUFILE_MEMBER
    Error (*driver_close)() = nullptr;  // cuFileDriverClose_v2, or its older name
};

class Library {
  public:
    // Opens the first that is there: the file that TERAIO_CUFILE_PATH names (nothing else is tried then),
    // libcufile.so.0 as the dynamic linker finds it, CUDA toolkits under /usr/local, and the lib folders of
    // pip packages below `search_roots`. Throws Failure(TIO_E_UNSUPPORTED) that says where it looked.
    static Library open(const std::vector<std::string>& search_roots);

    const EntryPoints& call() const noexcept { return entry_points_; }
    // TIO_CUFILE_CAN_*.
    uint32_t capabilities() const noexcept { return capabilities_; }
    // 1000 * major + 10 * minor, as cuFile counts; 1070 for releases too old to tell.
    int version() const noexcept { return version_; }
    std::string version_text() const;  // "1.15"
    // The file that was loaded.
    const std::string& path() const noexcept { return path_; }
    // From the release with cuFileReadv on, the statistics have fields for it.
    bool has_vector_io() const noexcept { return has_vector_io_; }

  private:
    explicit Library(void* handle);

    EntryPoints entry_points_;
    uint32_t capabilities_ = 0;
    int version_ = 0;
    bool has_vector_io_ = false;
    std::string path_;
};

// The folders that Library::open looks into after the dynamic linker, in order: for the message and for
// tests.
std::vector<std::string> library_folders(const std::vector<std::string>& search_roots,
                                         const std::string& toolkits = "/usr/local");

}  // namespace tio::gds::cufile
