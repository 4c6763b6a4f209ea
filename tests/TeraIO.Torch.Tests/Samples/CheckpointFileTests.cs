using TeraIO.Core;
using TeraIO.Samples.GptTraining;

namespace TeraIO.Torch.Tests.Samples;

public class CheckpointFileTests
{
    private static readonly byte[] _metadata = [1, 2, 3, 4, 5];
    private string _directory = "";

    private string File1 => Path.Combine(_directory, "training.ckpt");

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-test-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void What_was_written_is_read()
    {
        Write(File1);

        using var reader = new CheckpointReader(File1);
        reader.Verify();
        var read = ReadTensors(reader);

        Assert.Multiple(() =>
        {
            Assert.That(reader.Metadata.ToArray(), Is.EqualTo(_metadata));
            Assert.That(read["first"], Is.EqualTo(Pattern(1000)));
            Assert.That(read["second"], Is.EqualTo(Pattern(3)));
        });
    }

    [Test]
    public void Every_truncation_is_noticed()
    {
        Write(File1);
        var whole = File.ReadAllBytes(File1);

        foreach (var length in Enumerable.Range(0, whole.Length))
        {
            File.WriteAllBytes(File1, whole[..length]);
            Assert.That(ReadAndVerify, Throws.InstanceOf<TeraIOException>().With.Message.Contains(File1), $"cut to {length} of {whole.Length} bytes");
        }
    }

    [Test]
    public void Every_flipped_bit_is_noticed()
    {
        Write(File1);
        var whole = File.ReadAllBytes(File1);

        for (var at = 0; at < whole.Length; at++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[at] ^= (byte)(1 << (at % 8));
            File.WriteAllBytes(File1, damaged);
            Assert.That(ReadAndVerify, Throws.InstanceOf<TeraIOException>(), $"bit {at % 8} of byte {at}");
        }
    }

    [Test]
    public void Bytes_after_the_end_are_noticed()
    {
        Write(File1);
        File.AppendAllText(File1, "x");

        Assert.That(ReadAndVerify, Throws.InstanceOf<CorruptionException>());
    }

    [Test]
    public void A_damaged_tensor_is_named()
    {
        Write(File1);
        var bytes = File.ReadAllBytes(File1);
        bytes[^40] ^= 1; // inside the last tensor's record
        File.WriteAllBytes(File1, bytes);

        Assert.That(ReadAndVerify, Throws.InstanceOf<CorruptionException>().With.Message.Contains("tensor"));
    }

    [Test]
    public void An_unfinished_checkpoint_leaves_the_older_one_and_no_other_file()
    {
        Write(File1);
        var older = File.ReadAllBytes(File1);

        using (var writer = new CheckpointWriter(File1, _metadata))
            writer.Add("first", Pattern(10));

        Assert.Multiple(() =>
        {
            Assert.That(File.ReadAllBytes(File1), Is.EqualTo(older));
            Assert.That(Directory.GetFiles(_directory), Is.EqualTo(new[] { File1 }));
        });
    }

    [Test]
    public void A_place_that_cannot_be_written_is_named() =>
        Assert.That(
            () => new CheckpointWriter(Path.Combine(_directory, "absent", "x"), _metadata).Dispose(),
            Throws.InstanceOf<StorageException>().With.Message.Contains("absent").And.Message.Contains("--checkpoint"));

    [Test]
    public void A_full_disk_is_reported_by_name()
    {
        // A disk that is always full. The temporary name is a link to it, as the writer opens what is there.
        File.CreateSymbolicLink($"{File1}.{Environment.ProcessId}.tmp", "/dev/full");

        Assert.That(
            () =>
            {
                using var writer = new CheckpointWriter(File1, _metadata);
                writer.Add("large", new byte[1 << 20]);
            },
            Throws.InstanceOf<StorageException>().With.Message.Contains(File1));
    }

    [Test]
    public void Another_kind_of_file_is_refused()
    {
        File.WriteAllText(File1, "certainly not a checkpoint");

        Assert.That(ReadAndVerify, Throws.InstanceOf<ConfigurationException>().With.Message.Contains("no checkpoint"));
    }

    private static void Write(string path)
    {
        using var writer = new CheckpointWriter(path, _metadata);
        writer.Add("first", Pattern(1000));
        writer.Add("second", Pattern(3));
        writer.Complete();
    }

    private void ReadAndVerify()
    {
        using var reader = new CheckpointReader(File1);
        reader.Verify();
    }

    private static Dictionary<string, byte[]> ReadTensors(CheckpointReader reader)
    {
        var read = new Dictionary<string, byte[]>();
        reader.ReadAll((name, bytes) => read[name] = new byte[bytes], _ => { });
        return read;
    }

    private static byte[] Pattern(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i * 7))];
}
