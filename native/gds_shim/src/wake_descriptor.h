// An eventfd that wakes a ring thread.
#pragma once

namespace tio::gds {

class WakeDescriptor {
  public:
    WakeDescriptor();
    ~WakeDescriptor();
    WakeDescriptor(const WakeDescriptor&) = delete;
    WakeDescriptor& operator=(const WakeDescriptor&) = delete;

    void signal() const noexcept;
    void reset() const noexcept;
    int fd() const noexcept { return fd_; }

  private:
    int fd_;
};

}  // namespace tio::gds
