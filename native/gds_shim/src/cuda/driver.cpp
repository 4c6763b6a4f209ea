#include "cuda/driver.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace tio::gds::cuda {

namespace {

std::string loader_text() {
    const char* text = dlerror();
    return text != nullptr ? text : "no reason given";
}

}  // namespace

Driver::Driver(const std::vector<std::string>& names) {
    void* library = open(names);
    // POSIX asks for this conversion from void*; it is what dlsym is for.
#define TIO_CUDA_REQUIRE(member, name, arguments) \
    member = reinterpret_cast<Result(*) arguments>(symbol(library, name, true));
#define TIO_CUDA_TRY(member, name, arguments) \
    member = reinterpret_cast<Result(*) arguments>(symbol(library, name, false));
    TIO_CUDA_REQUIRED_CALLS(TIO_CUDA_REQUIRE)
    TIO_CUDA_OPTIONAL_CALLS(TIO_CUDA_TRY)
#undef TIO_CUDA_REQUIRE
#undef TIO_CUDA_TRY
    const Result result = init(0);
    if (result != success)
        throw Failure(TIO_E_UNSUPPORTED,
                      path_ + ": cuInit: " + describe(result) +
                          "; 'nvidia-smi' shows whether the kernel driver and a GPU are there");
}

const Driver& Driver::shared() {
    static std::mutex opening;
    static const Driver* driver = nullptr;
    const std::lock_guard<std::mutex> lock(opening);
    // Not freed at exit: threads of the application may still use CUDA then.
    if (driver == nullptr) driver = new Driver(search_names());
    return *driver;
}

std::vector<std::string> Driver::search_names() {
    const char* path = std::getenv("TERAIO_CUDA_PATH");
    if (path != nullptr && *path != '\0') return {path};
    return {"libcuda.so.1", "libcuda.so"};
}

void* Driver::open(const std::vector<std::string>& names) {
    std::string tried;
    for (const std::string& name : names) {
        void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library != nullptr) {
            path_ = name;
            return library;
        }
        tried += (tried.empty() ? "" : "; ") + loader_text();
    }
    throw Failure(
        TIO_E_UNSUPPORTED,
        "no CUDA driver: " + tried + "; install NVIDIA's driver, or name its library in TERAIO_CUDA_PATH");
}

void* Driver::symbol(void* library, const char* name, bool required) const {
    void* address = dlsym(library, name);
    if (address == nullptr && required)
        throw Failure(TIO_E_UNSUPPORTED,
                      path_ + " has no " + name + ": a driver of CUDA 11.0 or later is needed");
    return address;
}

int Driver::version() const {
    int version = 0;
    check(driver_get_version(&version), "cuDriverGetVersion");
    return version;
}

int Driver::device_count() const {
    int count = 0;
    check(device_get_count(&count), "cuDeviceGetCount");
    return count;
}

std::string Driver::device_name(int ordinal) const {
    Device device = 0;
    check(device_get(&device, ordinal), "cuDeviceGet");
    char name[256] = "";
    check(device_get_name(name, sizeof(name), device), "cuDeviceGetName");
    return name;
}

std::string Driver::device_description(int ordinal) const {
    Device device = 0;
    check(device_get(&device, ordinal), "cuDeviceGet");
    int domain = 0;
    int bus = 0;
    int slot = 0;
    check(device_get_attribute(&domain, device_pci_domain, device), "cuDeviceGetAttribute");
    check(device_get_attribute(&bus, device_pci_bus, device), "cuDeviceGetAttribute");
    check(device_get_attribute(&slot, device_pci_slot, device), "cuDeviceGetAttribute");
    char place[32] = "";
    std::snprintf(place, sizeof(place), "%04x:%02x:%02x.0", static_cast<unsigned>(domain),
                  static_cast<unsigned>(bus), static_cast<unsigned>(slot));
    return device_name(ordinal) + " at " + place;
}

PointerInfo Driver::pointer_info(DevicePointer pointer) const {
    PointerInfo info;
    unsigned type = 0;
    unsigned managed = 0;
    int attributes[] = {pointer_context,        pointer_memory_type, pointer_is_managed, pointer_buffer_id,
                        pointer_device_ordinal, pointer_range_start, pointer_range_size};
    void* values[] = {&info.context,    &type, &managed, &info.buffer_id, &info.device, &info.range_start,
                      &info.range_bytes};
    static_assert(std::size(attributes) == std::size(values));
    // Memory that CUDA does not know is no error here: its attributes come back as zeros.
    check(pointer_get_attributes(std::size(attributes), attributes, values, pointer),
          "cuPointerGetAttributes");
    info.is_device = type == memory_type_device;
    info.is_managed = managed != 0;
    if (!info.is_device) info.device = -1;
    return info;
}

std::string Driver::describe(Result result) const {
    const char* name = nullptr;
    const char* text = nullptr;
    if (get_error_name(result, &name) != success || name == nullptr)
        return "CUDA error " + std::to_string(result) + " (unknown to this driver)";
    std::string whole = std::string(name) + " (" + std::to_string(result) + ")";
    if (get_error_string(result, &text) == success && text != nullptr) whole += std::string(": ") + text;
    return whole;
}

void Driver::check(Result result, const char* what) const {
    if (result == success) return;
    throw Failure(result == error_out_of_memory ? TIO_E_NOMEM : TIO_E_DEVICE,
                  std::string(what) + ": " + describe(result));
}

PrimaryContext::PrimaryContext(const Driver& driver, int ordinal) : driver_(driver) {
    const int count = driver.device_count();
    if (ordinal < 0 || ordinal >= count)
        throw Failure(TIO_E_INVALID, "there is no CUDA device " + std::to_string(ordinal) +
                                         "; the driver sees " + std::to_string(count) +
                                         " (CUDA_VISIBLE_DEVICES hides devices)");
    driver.check(driver.device_get(&device_, ordinal), "cuDeviceGet");
    driver.check(driver.primary_context_retain(&context_, device_), "cuDevicePrimaryCtxRetain");
}

PrimaryContext::~PrimaryContext() {
    driver_.primary_context_release(device_);
}

CurrentContext::CurrentContext(const PrimaryContext& context) : driver_(context.driver()) {
    driver_.check(driver_.context_get_current(&previous_), "cuCtxGetCurrent");
    driver_.check(driver_.context_set_current(context.get()), "cuCtxSetCurrent");
}

CurrentContext::~CurrentContext() {
    driver_.context_set_current(previous_);
}

}  // namespace tio::gds::cuda
