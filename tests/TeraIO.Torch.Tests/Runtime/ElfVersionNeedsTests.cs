using System.Buffers.Binary;
using TeraIO.Torch.Runtime;

namespace TeraIO.Torch.Tests.Runtime;

public class ElfVersionNeedsTests
{
    private static byte[] TwoLibraries() => new ElfImage()
        .Needing("libc.so.6", "GLIBC_2.34")
        .Needing("libstdc++.so.6", "GLIBCXX_3.4.30", "GLIBCXX_3.4.32")
        .Build();

    [Test]
    public void Lists_every_need_with_its_library_in_file_order()
    {
        var needs = ElfVersionNeeds.Read(TwoLibraries());

        Assert.That(needs.Select(n => $"{n.Library}:{n.Version}"), Is.EqualTo(new[]
        {
            "libc.so.6:GLIBC_2.34", "libstdc++.so.6:GLIBCXX_3.4.30", "libstdc++.so.6:GLIBCXX_3.4.32",
        }));
    }

    [Test]
    public void The_flags_offset_points_at_the_flag_that_makes_a_need_weak()
    {
        var image = TwoLibraries();
        var last = ElfVersionNeeds.Read(image)[2];

        image[last.FlagsOffset] |= (byte)ElfVersionNeeds.WeakFlag;

        Assert.That(ElfVersionNeeds.Read(image).Select(n => n.IsWeak), Is.EqualTo(new[] { false, false, true }));
    }

    [Test]
    public void A_library_without_needs_has_an_empty_list() =>
        Assert.That(ElfVersionNeeds.Read(new ElfImage().Build()), Is.Empty);

    [Test]
    public void Every_truncation_is_either_refused_or_gives_the_same_answer()
    {
        var image = TwoLibraries();
        var whole = ElfVersionNeeds.Read(image);

        for (var length = 0; length < image.Length; length++)
        {
            var cut = image[..length];
            Assert.That(() => ElfVersionNeeds.Read(cut), Throws.InstanceOf<InvalidDataException>(), $"cut to {length} of {image.Length} bytes");
        }
        Assert.That(whole, Has.Count.EqualTo(3));
    }

    [Test]
    public void No_single_byte_damage_escapes_as_another_kind_of_error()
    {
        var image = TwoLibraries();
        foreach (var value in new byte[] { 0x00, 0x01, 0x7f, 0x80, 0xff })
        {
            for (var at = 0; at < image.Length; at++)
            {
                var damaged = (byte[])image.Clone();
                damaged[at] = value;
                Assert.That(() => ReadOrRefuse(damaged), Throws.Nothing, $"byte {at} set to {value}");
            }
        }
    }

    [Test]
    public void Needs_that_point_at_themselves_end_in_a_refusal_not_in_a_hang()
    {
        var image = new ElfImage().Needing("libstdc++.so.6", "GLIBCXX_3.4.32").Build();
        // 65,535 entries per library, each list overlapping itself, and four billion libraries.
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(ElfImage.NeedOffset + 2), ushort.MaxValue);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(ElfImage.NeedOffset + 12), 1);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(ElfImage.DynamicOffset + 48 + 8), uint.MaxValue);

        Assert.That(() => ElfVersionNeeds.Read(image), Throws.InstanceOf<InvalidDataException>());
    }

    [TestCase(ElfImage.ProgramHeaderOffset + 56 + 8, TestName = "A dynamic segment past the end is refused")]
    [TestCase(ElfImage.DynamicOffset + 8, TestName = "A string table outside every segment is refused")]
    [TestCase(ElfImage.DynamicOffset + 16 + 8, TestName = "A string table larger than the file is refused")]
    [TestCase(ElfImage.DynamicOffset + 32 + 8, TestName = "Needs outside every segment are refused")]
    [TestCase(32, TestName = "Program headers past the end are refused")]
    public void A_64_bit_field_of_all_ones_is_refused(int at)
    {
        var image = TwoLibraries();
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(at), ulong.MaxValue);

        Assert.That(() => ElfVersionNeeds.Read(image), Throws.InstanceOf<InvalidDataException>());
    }

    [TestCase(4, (byte)1, "64-bit", TestName = "A 32-bit file is refused")]
    [TestCase(5, (byte)2, "little-endian", TestName = "A big-endian file is refused")]
    [TestCase(0, (byte)0, "magic", TestName = "A file without the magic number is refused")]
    public void A_foreign_format_is_refused_by_name(int at, byte value, string word)
    {
        var image = TwoLibraries();
        image[at] = value;

        Assert.That(() => ElfVersionNeeds.Read(image), Throws.InstanceOf<InvalidDataException>().With.Message.Contains(word));
    }

    private static void ReadOrRefuse(byte[] image)
    {
        try
        {
            _ = ElfVersionNeeds.Read(image);
        }
        catch (InvalidDataException)
        {
            // The one allowed refusal.
        }
    }
}
