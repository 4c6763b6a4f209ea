// Finding libcufile, and what its age means.
#include "cufile/library.h"

#include <filesystem>

#include "cufile/errors.h"
#include "standin_cufile_session.h"

using namespace tio::gds;
using namespace tio::gds::testing;
using cufile::Library;
namespace fs = std::filesystem;

namespace {

class CufileLibrary : public CufileTest {
  protected:
    static std::string refusal(const std::vector<std::string>& roots = {}) {
        try {
            Library::open(roots);
        } catch (const Failure& failure) {
            EXPECT_EQ(TIO_E_UNSUPPORTED, failure.status());
            return failure.what();
        }
        ADD_FAILURE() << "a library was found";
        return "";
    }
};

}  // namespace

TEST_F(CufileLibrary, IsTheOneThatTheEnvironmentNames) {
    const Library library = Library::open({});
    EXPECT_TRUE(fs::equivalent(TIO_STANDIN_CUFILE, library.path()));
    EXPECT_EQ(1160, library.version());
    EXPECT_EQ("1.16", library.version_text());
    EXPECT_EQ(uint32_t{TIO_CUFILE_CAN_BATCH | TIO_CUFILE_CAN_STREAM | TIO_CUFILE_CAN_SET_PARAMETERS |
                       TIO_CUFILE_CAN_STATISTICS | TIO_CUFILE_CAN_P2P_FLAGS},
              library.capabilities());
}

TEST_F(CufileLibrary, OfAnOldReleaseLacksWhatCameLater) {
    use_release(TIO_STANDIN_CUFILE_OLD);
    const Library library = Library::open({});
    EXPECT_EQ(1070, library.version());
    EXPECT_EQ(uint32_t{TIO_CUFILE_CAN_BATCH | TIO_CUFILE_CAN_STREAM}, library.capabilities());
    EXPECT_NE(nullptr, library.call().driver_close);
}

TEST_F(CufileLibrary, OfANewReleaseHasVectorIo) {
    use_release(TIO_STANDIN_CUFILE_VECTOR);
    EXPECT_NE(0u, Library::open({}).capabilities() & TIO_CUFILE_CAN_VECTOR);
}

TEST_F(CufileLibrary, WithoutARequiredCallIsRefusedByName) {
    use_release(TIO_STANDIN_CUFILE_BROKEN);
    EXPECT_TRUE(contains(refusal(), "lacks cuFileRead;"));
}

TEST_F(CufileLibrary, ThatTheEnvironmentNamesInVainIsNotReplacedByAnother) {
    use_release("/nowhere/libcufile.so.0");
    const std::string text = refusal();
    EXPECT_TRUE(contains(text, "/nowhere/libcufile.so.0")) << text;
    EXPECT_TRUE(contains(text, "TERAIO_CUFILE_PATH")) << text;
}

TEST_F(CufileLibrary, IsFoundInAPipPackageBelowASearchRoot) {
    unsetenv("TERAIO_CUFILE_PATH");
    for (const char* package : {"nvidia/cu13/lib", "nvidia/cufile/lib"}) {
        const TemporaryDirectory root;
        fs::create_directories(root.path() / package);
        fs::create_symlink(TIO_STANDIN_CUFILE, root.path() / package / "libcufile.so.0");
        const Library library = Library::open({"/nowhere", root.path().string()});
        EXPECT_EQ(1160, library.version()) << package;
    }
}

TEST_F(CufileLibrary, ThatIsNowhereIsAnErrorThatSaysWhatToDo) {
    unsetenv("TERAIO_CUFILE_PATH");
    const std::string text = refusal({"/nowhere"});
    EXPECT_TRUE(contains(text, "libcufile.so.0")) << text;
    EXPECT_TRUE(contains(text, "install libcufile")) << text;
}

TEST_F(CufileLibrary, IsLookedForInTheNewestToolkitFirst) {
    const TemporaryDirectory toolkits;
    for (const char* name : {"cuda-12.8", "cuda-13.1", "other"})
        fs::create_directories(toolkits.path() / name);
    const auto folders = cufile::library_folders({}, toolkits.path().string());
    ASSERT_EQ(6u, folders.size());
    EXPECT_EQ((toolkits.path() / "cuda-13.1/lib64").string(), folders[0]);
    EXPECT_EQ((toolkits.path() / "cuda-12.8/lib64").string(), folders[3]);
}

TEST_F(CufileLibrary, WhoseVersionCallFailsIsRefused) {
    tio_standin_cufile_fail_call("cuFileGetVersion", 1, 5030, 0);
    EXPECT_THROW(Library::open({}), Failure);
}
