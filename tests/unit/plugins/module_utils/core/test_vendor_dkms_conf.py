# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_conf, vendor_dkms_conf
from ansible_collections.twostep.hotswap.plugins.module_utils.core.build_exclusive import Exclusive
from ansible_collections.twostep.hotswap.plugins.module_utils.core.dkms_conf import BuiltModule
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.vendor_dkms_conf import VendorConf

HEAD = 'PACKAGE_NAME="acme"\nPACKAGE_VERSION="1.2.3"\n'
ONE = 'BUILT_MODULE_NAME[0]="acme"\nDEST_MODULE_LOCATION[0]="/updates/dkms"\n'


def make(command: str, location: str = "") -> str:
    return f'{HEAD}{ONE}BUILT_MODULE_LOCATION[0]="{location}"\nMAKE[0]="{command}"\n'


def test_everything_that_is_taken() -> None:
    text = """\
# Acme's storage driver
PACKAGE_NAME="acme"
PACKAGE_VERSION="1.2.3"
BUILT_MODULE_NAME[0]="${PACKAGE_NAME}"
BUILT_MODULE_LOCATION[0]="src/core/"
DEST_MODULE_LOCATION[0]="/kernel/drivers/block"
BUILT_MODULE_NAME[1]=acme_trace
BUILT_MODULE_LOCATION[1]='./src//core'
DEST_MODULE_LOCATION[1]="/extra"
STRIP[1]="no"
MAKE[0]="make -j4 -C ${kernel_source_dir} M=${dkms_tree}/${PACKAGE_NAME}/${PACKAGE_VERSION}/build/src/core \\
    CONFIG_ACME=m KVER=${kernelver} modules"
CLEAN="make -C ${kernel_source_dir} M=${dkms_tree}/$module/$module_version/build clean"
BUILD_DEPENDS[0]="acme-base"
BUILD_EXCLUSIVE_KERNEL="^(5|6)\\..*"
BUILD_EXCLUSIVE_ARCH="x86_64"
BUILD_EXCLUSIVE_CONFIG="CONFIG_BLOCK !CONFIG_PREEMPT_RT"
AUTOINSTALL="yes"
REMAKE_INITRD=no
POST_INSTALL=""
"""
    assert vendor_dkms_conf.read(text) == VendorConf(
        "acme",
        "1.2.3",
        (BuiltModule("acme", "src/core"), BuiltModule("acme_trace", "src/core")),
        ("CONFIG_ACME=m",),
        ("acme-base",),
        Exclusive("^(5|6)\\..*", "x86_64", ("CONFIG_BLOCK", "!CONFIG_PREEMPT_RT")),
        ("DEST_MODULE_LOCATION", "STRIP", "CLEAN", "AUTOINSTALL", "REMAKE_INITRD", "-j4", "KVER=${kernelver}"),
    )


def test_what_is_read_becomes_a_package_of_ours() -> None:
    conf = vendor_dkms_conf.read(make("make -C $kernel_source_dir M=$dkms_tree/acme/1.2.3/build A=1 modules"))
    package = dkms_conf.package(
        conf.name, conf.version, modules=conf.module_options, make=list(conf.make), exclusive=conf.exclusive_options
    )
    text = dkms_conf.render(package)
    assert 'MAKE[0]="make -C $kernel_source_dir M=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build A=1 modules"' in text
    assert 'BUILT_MODULE_LOCATION[0]="./"' in text
    assert conf.shown()["modules"] == [{"name": "acme", "location": "."}]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("make", ()),
        ("make modules", ()),
        ("'make' all", ()),
        ("make -C $kernel_source_dir M=$dkms_tree/$module/$module_version/build", ()),
        ("make -C/lib/modules/$kernelver/build M=${dkms_tree}/acme/1.2.3/build/ X=a,b/c", ("X=a,b/c",)),
        ("make KERNELDIR=/lib/modules/${kernelver}/build X=1 Y=2", ("X=1", "Y=2")),
        ("make KERNELRELEASE=$kernelver -j -C $kernel_source_dir SUBDIRS=$dkms_tree/acme/1.2.3/build modules", ()),
    ],
)
def test_usual_make_commands(command: str, expected: tuple[str, ...]) -> None:
    conf = vendor_dkms_conf.read(make(command))
    assert (conf.make, conf.modules) == (expected, (BuiltModule("acme", "."),))


def test_a_single_module_is_called_as_the_package() -> None:
    assert vendor_dkms_conf.read(HEAD + 'DEST_MODULE_LOCATION="/extra"\n').modules == (BuiltModule("acme", "."),)


EXECUTABLE, UNKNOWN = "vendor_conf_executable", "bad_vendor_conf"
REFUSED = [
    (HEAD + ONE + 'POST_INSTALL="hook.sh"', EXECUTABLE, "line 5 has the hook POST_INSTALL"),
    (HEAD + ONE + 'PRE_BUILD="touch /pwned"', EXECUTABLE, "line 5 has the hook PRE_BUILD"),
    (HEAD + ONE + "POST_REMOVE=x", EXECUTABLE, "line 5 has the hook POST_REMOVE"),
    (HEAD + ONE + "PRE_ANYTHING_NEW=x", EXECUTABLE, "line 5 has the hook PRE_ANYTHING_NEW"),
    (HEAD + ONE + "PATCH[0]=x.patch", EXECUTABLE, "line 5 has PATCH"),
    (HEAD + ONE + "PATCH_MATCH[0]=^5", EXECUTABLE, "line 5 has PATCH_MATCH"),
    (HEAD + ONE + 'DKMS_DIRECTIVE="A=b"', EXECUTABLE, "line 5 has DKMS_DIRECTIVE"),
    (HEAD + ONE + 'CLEAN="rm -rf x"', EXECUTABLE, "line 5 has a CLEAN that is not make"),
    (HEAD + ONE + 'CLEAN="make clean; touch /pwned"', EXECUTABLE, "line 5 has a second command or an operator of the shell in CLEAN"),
    (make("make && touch /pwned"), EXECUTABLE, "line 6 has a second command or an operator of the shell in MAKE"),
    (make("make; touch /pwned"), EXECUTABLE, "line 6 has a second command or an operator of the shell in MAKE"),
    (make("make | tee x"), EXECUTABLE, "line 6 has a second command or an operator of the shell in MAKE"),
    (make("make > x"), EXECUTABLE, "line 6 has a second command or an operator of the shell in MAKE"),
    (make("make # x"), EXECUTABLE, "line 6 has a second command or an operator of the shell in MAKE"),
    (make("cd src"), EXECUTABLE, "line 6 has a MAKE that is not make"),
    (make("./configure"), EXECUTABLE, "line 6 has a MAKE that is not make"),
    (make("sh build.sh"), EXECUTABLE, "line 6 has a MAKE that is not make"),
    (make("make -C src"), UNKNOWN, "line 6 runs make in 'src' instead of the kernel's folder"),
    (make("make -f evil.mk"), UNKNOWN, "line 6 gives make the option '-f'"),
    (make("make --eval=x"), UNKNOWN, "line 6 gives make the option '--eval=x'"),
    (make("make install"), UNKNOWN, "line 6 asks make for 'install'"),
    (make("make M=/etc"), UNKNOWN, "line 6 builds in '/etc' instead of DKMS's build folder"),
    (make("make X=$dkms_tree/y"), UNKNOWN, "line 6 gives X a folder of DKMS"),
    (make("make -C $kernel_source_dir M=$dkms_tree/a/1/build", "src"), UNKNOWN, "line 6 builds in '.', but module acme is in 'src'"),
    (make("make x=1"), "bad_make", "line 6: make argument 'x=1' is not allowed."),
    (make("make SHELL=/tmp/sh"), "bad_make", "line 6: make argument 'SHELL=/tmp/sh' is not allowed."),
    (make("make A='b'"), "bad_make", "line 6: make argument \"A='b'\" is not allowed."),
    (make("make", "../../etc"), "bad_location", "line 5: location '../../etc' is not a folder inside the source tree."),
    (make("make", "a b"), "bad_location", "line 5: location 'a b' is not a folder inside the source tree."),
    (HEAD + 'BUILT_MODULE_NAME[0]="../x"', "bad_module", "line 3: module '../x' is not a valid name."),
    (HEAD + 'BUILT_MODULE_NAME[0]="Acme"', "bad_module", "line 3: module 'Acme' is not a valid name."),
    (HEAD + ONE + 'DEST_MODULE_NAME[0]="other"', UNKNOWN, "line 5 gives the built module another name"),
    (HEAD + 'DEST_MODULE_LOCATION[0]="/../../etc"', UNKNOWN, "line 3 installs to a place that is no module folder"),
    (HEAD + ONE + 'MAKE[1]="make x"', UNKNOWN, "line 5 has a make command for some kernels only"),
    (HEAD + ONE + 'MAKE_MATCH[0]="^5"', UNKNOWN, "line 5 has a make command for some kernels only"),
    (HEAD + ONE + 'OBSOLETE_BY="6.9"', UNKNOWN, "line 5 sets OBSOLETE_BY, which is not known here"),
    (HEAD + ONE + "BUILD_EXCLUSIVE_KERNEL_MIN=5.1", UNKNOWN, "line 5 sets BUILD_EXCLUSIVE_KERNEL_MIN, which is not known here"),
    (HEAD + ONE + 'BUILD_EXCLUSIVE_KERNEL="(a"', "bad_pattern", "line 5: The pattern '(a' is not understood: a parenthesis is not closed."),
    (HEAD + ONE + 'BUILD_EXCLUSIVE_CONFIG="SMP"', "bad_config", "line 5: 'SMP' is not the name of a kernel option."),
    (HEAD + ONE + 'BUILD_DEPENDS[0]="a b"', "bad_package", "line 5: package 'a b' is not a valid name."),
    ("PACKAGE_NAME=acme\n", UNKNOWN, "line 1 and the others name no package and version"),
    (HEAD, UNKNOWN, "line 1 and the others name no module"),
    (HEAD + "".join(f"BUILT_MODULE_NAME[{n}]=m{n}\n" for n in range(65)), UNKNOWN, "line 1 and the others name more than 64 modules"),
]


@pytest.mark.parametrize(("text", "code", "message"), REFUSED, ids=lambda value: value[-40:] if isinstance(value, str) else value)
def test_what_is_refused(text: str, code: str, message: str) -> None:
    with pytest.raises(TwostepError) as caught:
        vendor_dkms_conf.read(text)
    assert caught.value.code == code
    assert message in caught.value.message
    assert isinstance(caught.value.data["line"], int)


@pytest.mark.parametrize("text", [make('make A=1 $""(id)'), make("make A=$''(id)"), make('make A=$"("id)')])
def test_a_substitution_in_pieces(text: str) -> None:
    with pytest.raises(TwostepError):
        vendor_dkms_conf.read(text)


@pytest.mark.parametrize(("name", "version"), [("acme", "1.2.4"), ("other", "1.2.3")])
def test_another_package_is_refused(name: str, version: str) -> None:
    conf = vendor_dkms_conf.read(HEAD + ONE)
    vendor_dkms_conf.check_package(conf, "acme", "1.2.3")
    with pytest.raises(TwostepError) as caught:
        vendor_dkms_conf.check_package(conf, name, version)
    assert caught.value.code == "other_package"
    assert caught.value.message == f"The vendor's dkms.conf is for acme 1.2.3, wanted is {name} {version}."


def test_a_version_that_the_vendor_leaves_open() -> None:
    conf = vendor_dkms_conf.read(HEAD.replace("1.2.3", "#MODULE_VERSION#") + ONE)
    vendor_dkms_conf.check_package(conf, "acme", "9.9.9")


PIECES = st.sampled_from(
    [
        *(
            f"{name}{index}="
            for name in ("MAKE", "CLEAN", "PATCH", "BUILT_MODULE_NAME", "BUILT_MODULE_LOCATION")
            for index in ("", "[0]", "[1]")
        ),
        *("PACKAGE_NAME=", "PACKAGE_VERSION=", "BUILD_EXCLUSIVE_KERNEL=", "BUILD_EXCLUSIVE_CONFIG=", "POST_ADD=", "BUILD_DEPENDS="),
        *('"', "'", "\n", " ", "make", "-C", "$kernel_source_dir", "M=$dkms_tree/a/1/build", "../", "/etc", "a", "1.0.0", "A=1", ".", "#"),
        *("$(touch /pwned)", "`id`", ";", "&&", "|", "\\", "${", "}", "(", ")", "[", "^5", "*", "CONFIG_A", "\u0430", "\0"),
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join), st.booleans())
def test_whatever_is_written_is_taken_or_refused_and_what_is_taken_is_harmless(text: str, with_head: bool) -> None:
    try:
        conf = vendor_dkms_conf.read((HEAD + ONE if with_head else "") + text)
        package = dkms_conf.package(
            "acme",
            "1.2.3",
            modules=conf.module_options,
            make=list(conf.make),
            depends=list(conf.depends),
            exclusive=conf.exclusive_options,
        )
    except TwostepError:
        return
    rendered = "".join(line for line in dkms_conf.render(package).splitlines(keepends=True) if not line.startswith("#"))
    assert "pwned" not in rendered
    assert not any(mark in rendered for mark in ("$(", "`", ";", "&", ">", "<"))
    assert all(not module.location.startswith("/") and ".." not in module.location.split("/") for module in conf.modules)
