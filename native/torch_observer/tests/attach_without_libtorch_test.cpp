#include <gtest/gtest.h>

#include <string>

#include "tio_observer.h"

namespace {

tio_obs_handlers complete_handlers() {
    tio_obs_handlers handlers{};
    handlers.struct_size = sizeof handlers;
    handlers.describe = [](void*, const char*, tio_obs_traits*) {};
    handlers.op_begin = [](void*, const tio_obs_event*) {};
    handlers.op_end = [](void*, const tio_obs_event*) {};
    handlers.make_room = [](void*, uint64_t, char*, uint32_t) { return int32_t{-1}; };
    handlers.allocated = [](void*, void*, uint64_t, uint32_t) {};
    handlers.freeing = [](void*, void*, uint64_t) { return int32_t{0}; };
    return handlers;
}

tio_obs_options usable_options() {
    tio_obs_options options{};
    options.struct_size = sizeof options;
    options.minimum_bytes = 65536;
    return options;
}

std::string last_error() {
    char text[512] = "";
    tio_obs_last_error(text, sizeof text);
    return text;
}

TEST(Attach, WithoutLibtorchSaysSo) {
    const tio_obs_options options = usable_options();
    const tio_obs_handlers handlers = complete_handlers();
    EXPECT_EQ(tio_obs_attach(&options, &handlers), TIO_OBS_E_NOT_LOADED);
    EXPECT_NE(last_error().find("libtorch_cpu.so"), std::string::npos) << last_error();
}

TEST(Attach, RefusesAMissingHandler) {
    const tio_obs_options options = usable_options();
    tio_obs_handlers handlers = complete_handlers();
    handlers.freeing = nullptr;
    EXPECT_EQ(tio_obs_attach(&options, &handlers), TIO_OBS_E_INVALID);
}

TEST(Attach, RefusesStructsOfAnotherVersion) {
    tio_obs_options options = usable_options();
    const tio_obs_handlers handlers = complete_handlers();
    options.struct_size = 4;
    EXPECT_EQ(tio_obs_attach(&options, &handlers), TIO_OBS_E_INVALID);
    options = usable_options();
    options.minimum_bytes = 100;
    EXPECT_EQ(tio_obs_attach(&options, &handlers), TIO_OBS_E_INVALID);
}

TEST(Attach, RefusesADeviceThatDoesNotExist) {
    const tio_obs_handlers handlers = complete_handlers();
    tio_obs_options options = usable_options();
    options.device_type = 2;
    EXPECT_EQ(tio_obs_attach(&options, &handlers), TIO_OBS_E_INVALID);
    options.device_type = TIO_OBS_DEVICE_CUDA;
    options.device_index = -1;
    EXPECT_EQ(tio_obs_attach(&options, &handlers), TIO_OBS_E_INVALID);
}

TEST(CurrentStream, WithoutASessionIsRefused) {
    void* stream = nullptr;
    EXPECT_EQ(tio_obs_current_stream(&stream), TIO_OBS_E_STATE);
    EXPECT_EQ(tio_obs_current_stream(nullptr), TIO_OBS_E_INVALID);
}

TEST(Detach, WithoutAttachIsRefused) {
    EXPECT_EQ(tio_obs_detach(), TIO_OBS_E_STATE);
}

TEST(Storage, CallsBeforeAnyAttachAreRefused) {
    void* out = nullptr;
    int anything = 0;
    tio_obs_operand operand{};
    EXPECT_EQ(tio_obs_release(&anything, &out), TIO_OBS_E_INVALID);
    EXPECT_EQ(tio_obs_restore(&anything, &out), TIO_OBS_E_INVALID);
    EXPECT_EQ(tio_obs_open(&anything), TIO_OBS_E_INVALID);
    EXPECT_EQ(tio_obs_inspect(&anything, &operand), TIO_OBS_E_STATE);
}

TEST(Abi, ErrorTextIsCutAndTerminated) {
    tio_obs_detach();
    char text[4] = "xxx";
    EXPECT_GT(tio_obs_last_error(text, sizeof text), 3u);
    EXPECT_EQ(text[3], '\0');
    EXPECT_GT(tio_obs_last_error(nullptr, 0), 3u);
}

TEST(Abi, StructSizesAreThoseOfTheHeader) {
    uint32_t sizes[6] = {};
    tio_obs_struct_sizes(sizes);
    EXPECT_EQ(sizes[0], 16u);
    EXPECT_EQ(sizes[1], 32u);
    EXPECT_EQ(sizes[2], 48u);
    EXPECT_EQ(sizes[3], 64u);
    EXPECT_EQ(sizes[4], 56u);
    EXPECT_EQ(sizes[5], 88u);
}

}  // namespace
