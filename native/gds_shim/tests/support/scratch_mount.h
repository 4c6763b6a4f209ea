// A small file system for one test, where the user may mount.
#pragma once

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "temporary_file.h"

namespace tio::gds::testing {

class ScratchMount {
  public:
    ScratchMount(const char* file_system, const char* options)
        : mounted_(mount(file_system, directory_.path().c_str(), file_system, 0, options) == 0),
          refusal_(mounted_ ? ""
                            : std::string("cannot mount a ") + file_system + ": " + std::strerror(errno)) {}
    ~ScratchMount() {
        if (mounted_) umount2(directory_.path().c_str(), MNT_DETACH);
    }
    ScratchMount(const ScratchMount&) = delete;
    ScratchMount& operator=(const ScratchMount&) = delete;

    bool mounted() const { return mounted_; }
    const std::string& refusal() const { return refusal_; }
    std::string file(const std::string& name) const { return directory_.file(name); }

  private:
    TemporaryDirectory directory_;
    bool mounted_;
    std::string refusal_;
};

}  // namespace tio::gds::testing
