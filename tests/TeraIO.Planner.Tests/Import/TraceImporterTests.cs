using System.IO.Compression;
using System.Text;
using TeraIO.Core;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Import;
using TeraIO.TestSupport.Import;

namespace TeraIO.Planner.Tests.Import;

/// <summary>The kind of a file is told by what is in it.</summary>
[TestFixture]
public class TraceImporterTests
{
    private string _directory = "";

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-import-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void Each_kind_is_recognised_compressed_or_not([Values] bool isCompressed)
    {
        var native = new TraceBuilder(new TraceHeader("native"));
        native.AddOp(new TraceOp("op", 1));
        using var text = new MemoryStream();
        TraceFile.Write(native.Build(), text);
        Assert.Multiple(() =>
        {
            Assert.That(TraceImporter.Read(Put(text.ToArray(), isCompressed)).Header.Name, Is.EqualTo("native"));
            Assert.That(TraceImporter.Read(Put(Encoding.UTF8.GetBytes(EtText.TrainingStep().ToString()), isCompressed)).Header.Source, Does.StartWith("PyTorch execution trace"));
            Assert.That(TraceImporter.Read(Put(PickleBytes.Of(PickleBytes.Snapshot()), isCompressed)).Header.Source, Does.StartWith("PyTorch CUDA memory snapshot"));
        });
    }

    [TestCase("", "the file is empty")]
    [TestCase("hello", "hold none of the marks")]
    [TestCase("""{"format":"teraio-plan"}""", "a plan of ours")]
    [TestCase("""{"traceEvents":[]}""", "Kineto")]
    [TestCase("PK\u0003\u0004", "a zip archive")]
    public void What_is_none_of_them_is_told(string text, string rule) =>
        Assert.That(() => TraceImporter.Read(Put(Encoding.UTF8.GetBytes(text), false)), Throws.TypeOf<TraceFormatException>().With.Message.Contains(rule));

    [Test]
    public void A_tar_archive_is_told()
    {
        var tar = new byte[10240];
        Encoding.UTF8.GetBytes("et.json").CopyTo(tar, 0);
        Encoding.UTF8.GetBytes("ustar").CopyTo(tar, 257);
        Encoding.UTF8.GetBytes("{\"nodes\":").CopyTo(tar, 512);
        Assert.That(() => TraceImporter.Read(Put(tar, true)), Throws.TypeOf<TraceFormatException>().With.Message.Contains("a tar archive; unpack it first"));
    }

    [Test]
    public void A_missing_file_is_named() =>
        Assert.That(() => TraceImporter.Read(Path.Combine(_directory, "none.json")), Throws.TypeOf<ConfigurationException>().With.Message.Contains("none.json"));

    private string Put(byte[] content, bool isCompressed)
    {
        string path = Path.Combine(_directory, Guid.NewGuid().ToString("N"));
        using FileStream file = File.Create(path);
        if (!isCompressed)
        {
            file.Write(content);
            return path;
        }

        using var packed = new GZipStream(file, CompressionLevel.Fastest);
        packed.Write(content);
        return path;
    }
}
