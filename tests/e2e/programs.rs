//! Programs in hosts: started with what is meant, known to be ready, held by their pidfds.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use netns_test::prelude::*;
use netns_test::{Command, ProgramError, Transport, WaitFor};
use netns_test_tests::programs::few_process_numbers;
use tokio::io::AsyncWriteExt;

/// What no test waits for in vain, nor for long.
const AMPLE: Duration = Duration::from_secs(20);

fn program(host: &Host) -> Command {
    host.command(env!("CARGO_BIN_EXE_netns-test-program"))
}

fn sh(host: &Host, script: &str) -> Command {
    host.command("sh").args(["-c", script])
}

#[netns_test]
fn names_and_arguments_are_data(a: Host) -> TestResult {
    let long = "x".repeat(10 * 1024);
    let arguments: [&[u8]; 9] = [
        b"; rm -rf /",
        b"two\nlines",
        b"--help",
        b"-",
        b"",
        b"$(id)",
        b"a\xff\xfeb",
        "\u{1f980}".as_bytes(),
        long.as_bytes(),
    ];
    let arguments = arguments.map(OsStr::from_bytes);
    let echoed = a.command("printf").arg("[%s]").args(arguments).output()?.stdout;
    assert_eq!(echoed, arguments.map(|argument| [b"[", argument.as_bytes(), b"]"].concat()).concat());

    // A name, too, be it as strange as that of any file.
    let name = OsString::from_vec(b"/run/-; rm -rf $HOME \n \xff".to_vec());
    let path = std::env::var_os("PATH").unwrap();
    let printf = std::env::split_paths(&path).map(|path| path.join("printf")).find(|path| path.exists());
    std::os::unix::fs::symlink(printf.unwrap(), &name)?;
    assert_eq!(a.command(&name).arg("%s").arg(&long).output()?.stdout, long.as_bytes());
    Ok(())
}

/// With descriptors too, which are passed on by another way.
#[netns_test]
fn an_environment_is_data(a: Host) -> TestResult {
    let long = "x".repeat(10 * 1024);
    let values: [&[u8]; 7] = [b"; rm -rf /", b"two\nlines", b"--help", b"", b"$(id)", b"a=\xff\xfe", long.as_bytes()];
    let variables = values.iter().enumerate().map(|(nth, value)| (format!("A{nth}").into_bytes(), *value));
    let variables: Vec<_> = variables.chain([(b"-; rm \xff\n$HOME".to_vec(), &b"1"[..])]).collect();
    let (removed, _) = std::env::vars_os().find(|(name, _)| name != "PATH").ok_or("a variable of the test's own")?;
    for passes_on in [false, true] {
        let command = a.command("cat").arg("/proc/self/environ").env_remove(&removed);
        let command = variables
            .iter()
            .fold(command, |command, (name, value)| command.env(OsStr::from_bytes(name), OsStr::from_bytes(value)));
        let command = if passes_on { command.listen_fd(UdpSocket::bind("127.0.0.1:0")?) } else { command };
        let environment = command.output()?.stdout;
        let environment: Vec<_> = environment.split(|byte| *byte == 0).collect();
        for (name, value) in &variables {
            let variable = [name, &b"="[..], value].concat();
            assert!(environment.contains(&&variable[..]), "{}", String::from_utf8_lossy(&variable));
        }
        let removed = [removed.as_bytes(), b"="].concat();
        assert!(!environment.iter().any(|variable| variable.starts_with(&removed)));
    }
    Ok(())
}

#[netns_test]
fn streams_and_the_working_directory_are_as_was_said(a: Host) -> TestResult {
    let both = || sh(&a, "echo out; echo err >&2");
    let mut program = both().stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    assert!(program.stdout().is_none() && program.stdin().is_none());
    assert_eq!(std::io::read_to_string(program.stderr().ok_or("piped")?)?, "err\n");
    assert!(program.stderr().is_none(), "once");
    let collected = both().logged().output()?;
    assert_eq!((&collected.stdout[..], &collected.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));

    let path = "/run/a file";
    both().stdout(File::create(path)?).logged().status()?;
    assert_eq!(std::fs::read_to_string(path)?, "out\n", "what has a place is not logged");
    let read = |stdin: Stdio| a.command("cat").stdin(stdin).stdout(Stdio::piped()).spawn()?.read_line(AMPLE);
    assert_eq!(read(File::open(path)?.into())?.as_deref(), Some("out"));
    assert_eq!(read(Stdio::null())?, None);

    // Without a place, the test's own.
    let mut program =
        a.command("readlink").args(["/proc/self/fd/0", "/proc/self/cwd"]).stdout(Stdio::piped()).spawn()?;
    for own in ["/proc/self/fd/0", "/proc/self/cwd"] {
        let own = std::fs::read_link(own)?;
        assert_eq!(program.read_line(AMPLE)?.as_deref(), own.to_str());
    }
    assert_eq!(a.command("readlink").arg("/proc/self/cwd").current_dir("/run").output()?.stdout, b"/run\n");
    Ok(())
}

#[netns_test]
fn what_cannot_be_a_program_is_said(a: Host) {
    let said = |command: Command| command.status().unwrap_err().to_string();
    let command = || a.command("true");
    assert_eq!(said(command().args(["x", "a\0b"])), "cannot run `true` in host `a`: argument 2 has a NUL byte in it");
    assert_eq!(said(a.command("tr\0ue")), "cannot run `tr\\0ue` in host `a`: its name has a NUL byte in it");
    assert_eq!(said(command().env("A", "\0")), "cannot run `true` in host `a`: variable `A` has a NUL byte in it");
    assert_eq!(said(command().env("A=B", "c")), "cannot run `true` in host `a`: `A=B` is no name of a variable");
    assert_eq!(
        said(command().current_dir("\0")),
        "cannot run `true` in host `a`: its working directory has a NUL byte in it"
    );
    let name = command().listen_fd_named("a:b", UdpSocket::bind("127.0.0.1:0").unwrap());
    assert!(said(name).contains("`a:b` is no name of a descriptor"));
    // As any other, `output` and `spawn`.
    assert_eq!(command().arg("\0").output().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(matches!(command().arg("\0").spawn(), Err(ProgramError::Invalid { .. })));
    assert_eq!(a.command("/no/such/program").spawn().unwrap_err().kind(), ErrorKind::NotFound);
}

#[netns_test]
fn lines_go_in_and_out(a: Host) -> TestResult {
    let mut cat = a.command("cat").piped().spawn()?;
    cat.write_line("one")?;
    cat.write_line(b"\xff")?;
    cat.write_line("")?;
    assert_eq!(cat.read_line(AMPLE)?.as_deref(), Some("one"));
    assert_eq!(cat.read_line(AMPLE).unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(cat.read_line(AMPLE)?.as_deref(), Some(""));
    let none = cat.read_line(Duration::from_millis(1)).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::TimedOut);
    assert!(none.to_string().starts_with("no line of `cat` in host `a` within "), "{none}");
    drop(cat.stdin());
    assert_eq!(cat.read_line(AMPLE)?, None);
    assert!(cat.wait()?.success());
    assert_eq!(cat.write_line("x").unwrap_err().kind(), ErrorKind::InvalidInput);

    // What is there of a line is kept for the next time, and is one at the end.
    let mut half = sh(&a, "printf begun; read x; printf ' and ended'").piped().spawn()?;
    loop {
        let early = half.read_line(Duration::from_millis(20)).unwrap_err();
        assert_eq!(early.kind(), ErrorKind::TimedOut);
        if early.to_string().ends_with("; it has begun one: `begun`") {
            break;
        }
    }
    half.write_line("")?;
    assert_eq!(half.read_line(AMPLE)?.as_deref(), Some("begun and ended"));
    assert_eq!(half.read_line(AMPLE)?, None);
    let mut unpiped = a.command("true").spawn()?;
    assert_eq!(unpiped.read_line(AMPLE).unwrap_err().kind(), ErrorKind::InvalidInput);
    Ok(())
}

#[netns_test]
fn a_line_is_waited_for_by_what_it_says(a: Host) -> TestResult {
    let mut shell = sh(&a, "while read -r x; do echo \"got $x\"; done; printf 'the rest'; cat >&2").piped().spawn()?;
    ["one", "two", "three"].into_iter().try_for_each(|line| shell.write_line(line))?;
    assert_eq!(shell.wait_for_line("two", AMPLE)?, "got two");
    assert_eq!(shell.read_line(AMPLE)?.as_deref(), Some("got three"), "what comes after it is still there");
    shell.write_line("four")?;
    let late = loop {
        let late = shell.wait_for_line("five", Duration::from_millis(20)).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        if !late.to_string().ends_with("it has said nothing") {
            break late.to_string();
        }
    };
    assert!(late.starts_with("waited "), "{late}");
    assert!(late.ends_with(" for a line with `five` of `sh` in host `a`; it said last: `got four`"), "{late}");
    drop(shell.stdin());
    let ended = shell.wait_for_line("five", AMPLE).unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::UnexpectedEof);
    assert!(ended.to_string().ends_with("its output has ended; it said last: `the rest`"), "{ended}");
    Ok(())
}

/// Whatever it is written to.
#[netns_test]
fn a_line_of_the_log_is_waited_for(a: Host) -> TestResult {
    for to in ["", ">&2"] {
        let script = format!("echo up; read x; echo one {to}; echo two {to}; read x; printf end {to}");
        let mut program = sh(&a, &script).logged().stdin(Stdio::piped()).ready_on_line("up").spawn()?;
        let late = program.wait_for_line("two", Duration::from_millis(20)).unwrap_err();
        assert!(late.to_string().ends_with("for a line with `two` of `sh` in host `a`; it said last: `up`"), "{late}");
        program.write_line("")?;
        assert_eq!(program.wait_for_line("two", AMPLE)?, "two");
        let late = program.wait_for_line("one", Duration::from_millis(20)).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut, "it came before");
        program.write_line("")?;
        let ended = program.wait_for_line("three", AMPLE).unwrap_err();
        assert!(ended.to_string().ends_with("its output has ended; it said last: `end`"), "{ended}");
    }
    // What is said together with that it is ready is said after it was started, too.
    for program in [sh(&a, "printf 'up\\ntwo\\n'; cat").logged(), sh(&a, "printf 'up\\ntwo\\n'; cat").piped()] {
        let mut program = program.stdin(Stdio::piped()).ready_on_line("up").spawn()?;
        assert_eq!(program.wait_for_line("two", AMPLE)?, "two");
    }
    let mut unheard = a.command("true").spawn()?;
    assert_eq!(unheard.wait_for_line("x", AMPLE).unwrap_err().kind(), ErrorKind::InvalidInput);
    Ok(())
}

#[netns_test]
fn a_program_is_asked_to_end_and_then_made_to(a: Host) -> TestResult {
    let obedient = a.command("sleep").arg("1000").spawn()?;
    assert!(obedient.is_running());
    assert_eq!(obedient.wait_timeout(Duration::from_millis(1))?, None);
    assert_eq!(obedient.terminate(AMPLE)?.signal(), Some(libc_signal("TERM")));
    assert!(!obedient.is_running());

    let deaf = sh(&a, "trap '' TERM; echo deaf; while :; do sleep 1000; done").ready_on_line("deaf").spawn()?;
    let begun = std::time::Instant::now();
    assert_eq!(deaf.terminate(Duration::from_millis(50))?.signal(), Some(libc_signal("KILL")));
    assert!(begun.elapsed() >= Duration::from_millis(5), "it had its grace, however it is scaled");
    // Whatever is asked of one that has ended.
    assert_eq!(deaf.terminate(AMPLE)?.signal(), Some(libc_signal("KILL")));
    assert_eq!(deaf.signal(9).unwrap_err().raw_os_error(), Some(3), "ESRCH");
    assert_eq!(sh(&a, "exit 7").spawn()?.wait_timeout(AMPLE)?.and_then(|status| status.code()), Some(7));
    Ok(())
}

fn libc_signal(name: &str) -> i32 {
    match name {
        "TERM" => 15,
        "KILL" => 9,
        _ => unreachable!(),
    }
}

/// One thread: what blocked it would never see the other half.
#[netns_test]
async fn the_end_is_waited_for_without_blocking(a: Host) -> TestResult {
    let mut cat = a.command("cat").stdin(Stdio::piped()).spawn()?;
    let stdin = cat.stdin();
    let (status, ()) = tokio::join!(cat.exited(), async {
        tokio::task::yield_now().await;
        drop(stdin);
    });
    assert!(status?.success());
    assert!(cat.exited().await?.success(), "as often as it is asked");
    Ok(())
}

#[netns_test(veth = true)]
async fn a_start_is_waited_for_without_blocking(a: Host, b: Host) -> TestResult {
    let listener = b.tokio_tcp_listener()?;
    let client = program(&a).args(["connect", &listener.local_addr()?.to_string()]).stdout(Stdio::piped());
    let (started, accepted) = tokio::join!(client.ready_on_line("welcome").started(), async {
        listener.accept().await?.0.write_all(b"welcome").await
    });
    accepted?;
    assert_eq!(started?.read_line(AMPLE)?.as_deref(), Some("welcome"), "what was read is still there");
    let missing = a.command("/no/such/program").started().await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    Ok(())
}

#[netns_test(veth = true)]
fn a_listener_is_there_when_its_program_is_ready(client: Host, server: Host) -> TestResult {
    for (port, address) in [(80, "0.0.0.0:80"), (81, "[::]:81"), (82, "198.51.100.2:82")] {
        let _server = program(&server).args(["tcp", address]).ready_when_listening(port).spawn()?;
        client.tcp_connect((server.addr(), port).into())?;
    }
    let _udp = program(&server).args(["udp", "[::]:53"]).ready_when_listening_on(Transport::Udp, 53).spawn()?;
    assert!(server.run(|| UdpSocket::bind("[::]:53")).is_err());
    Ok(())
}

/// Until it listens it is not ready, though all else is as it will be.
#[netns_test]
fn a_program_is_not_ready_before_it_listens(a: Host) {
    let waiting = program(&a).args(["tcp-later", "[::1]:80"]).stdin(Stdio::piped());
    let waiting = waiting.ready_on_line("not yet").ready_when_listening(80).ready_within(Duration::from_secs(2));
    let error = waiting.spawn().unwrap_err();
    assert!(
        matches!(&error, ProgramError::NotReady { waited_for, .. } if waited_for == "a listener on TCP port 80"),
        "{error}"
    );
    assert!(error.to_string().ends_with("was waited for; it said last:\n  not yet"), "{error}");
    assert_eq!(a.processes().len(), 0, "it has been killed");
}

#[netns_test]
fn a_descendant_may_listen_and_a_daemon(a: Host) -> TestResult {
    let script = |script: &str| sh(&a, script).arg(env!("CARGO_BIN_EXE_netns-test-program"));
    let child = script("\"$0\" tcp '[::]:80'; exit").ready_when_listening(80).spawn()?;
    let mut daemon = script("(setsid \"$0\" tcp '[::]:81' &) ; exit 0").ready_when_listening(81).spawn()?;
    assert!(daemon.wait()?.success(), "it has left a daemon");
    // Not even its environment tells whose it is, and it listens when who has started it has long ended.
    let bare =
        script("(sleep 0.2; exec env -i setsid \"$0\" tcp '[::]:82') & exit 0").ready_when_listening(82).spawn()?;
    for (port, program) in [(80, child.id()), (81, daemon.id()), (82, bare.id())] {
        TcpStream::connect_timeout(&"[::1]:1".parse()?, AMPLE).expect_err("the body is in no host");
        a.tcp_connect(([127, 0, 0, 1], port).into())?;
        let address = format!("[::]:{port}");
        let listening = a
            .processes()
            .into_iter()
            .find(|process| process.command().iter().any(|word| *word == *address) && process.command()[1] == "tcp");
        assert_eq!(listening.and_then(|process| process.program()), Some(program), "{port}");
    }
    Ok(())
}

#[netns_test(veth = true)]
fn a_listener_of_another_is_not_enough(a: Host, b: Host) -> TestResult {
    let soon = Duration::from_millis(200);
    let refused = |command: Command| command.ready_within(soon).spawn().unwrap_err().to_string();
    let sleep = || a.command("sleep").arg("1000");
    // In another host; in the test; in another program; on another protocol; with a connection rather than a listener.
    let _elsewhere = program(&b).args(["tcp", "[::]:80"]).ready_when_listening(80).spawn()?;
    let said = refused(sleep().ready_when_listening(80));
    assert!(said.ends_with("was killed: a listener on TCP port 80 was waited for"), "{said}");
    let here = a.tcp_listener()?;
    let said = refused(sleep().ready_when_listening(here.local_addr()?.port()));
    assert!(said.contains("; the test itself listens on TCP port"), "{said}");
    let other = program(&a).args(["tcp", "[::]:80"]).ready_when_listening(80).spawn()?;
    let said = refused(sleep().ready_when_listening(80));
    assert!(
        said.contains(&format!("; process {}, which is none of its own, listens on TCP port 80", other.id())),
        "{said}"
    );
    refused(program(&a).args(["tcp", "[::]:53"]).ready_when_listening_on(Transport::Udp, 53));
    let connected =
        a.run(|| UdpSocket::bind("[::1]:54").and_then(|socket| socket.connect("[::1]:54").map(|()| socket)))?;
    refused(sleep().listen_fd(connected).ready_when_listening_on(Transport::Udp, 54));
    Ok(())
}

/// As when it is started, but later: whose the listener is counts, and not whether somebody listens.
#[netns_test]
fn a_program_is_waited_for_until_it_listens_itself(a: Host) -> TestResult {
    let later = program(&a).args(["tcp-later", "[::1]:80"]).stdin(Stdio::piped());
    let mut later = later.ready_on_line("not yet").spawn()?;
    let other = program(&a).args(["tcp", "127.0.0.1:80"]).ready_when_listening(80).spawn()?;
    a.wait_for_listener(80).wait()?;
    let said = |wait: WaitFor| wait.timeout(Duration::from_millis(100)).wait().unwrap_err().to_string();
    let text = said(later.wait_for_listener(80));
    let name = env!("CARGO_BIN_EXE_netns-test-program");
    assert!(text.contains(&format!(" for `{name}` in host `a` to listen on TCP port 80; ")), "{text}");
    let instead = format!("process {}, which is none of its own, listens on TCP port 80", other.id());
    assert!(text.ends_with(&format!("there is instead: {instead}")), "{text}");
    drop(later.stdin());
    later.wait_for_listener(80).wait()?;
    let text = said(later.wait_for_listener_on(Udp, 80));
    assert!(text.ends_with("to listen on UDP port 80; there is instead: nobody who does"), "{text}");

    // What it leaves counts, too; and that it has ended is said.
    let daemon = sh(&a, "read x; setsid \"$0\" tcp '[::1]:81' & exit 0").arg(name).piped();
    let mut daemon = daemon.spawn()?;
    daemon.write_line("")?;
    assert!(daemon.wait()?.success());
    daemon.wait_for_listener(81).wait()?;
    let text = said(daemon.wait_for_listener(80));
    assert!(text.ends_with("listens on TCP port 80; the program has ended"), "{text}");
    Ok(())
}

#[netns_test]
fn a_program_that_ends_is_not_ready(a: Host) {
    let said = |command: Command| command.spawn().unwrap_err();
    let error = said(
        sh(&a, "echo first; echo 'no such file: x.conf' >&2; exit 3")
            .ready_on_line("listening")
            .ready_when_listening(80),
    );
    let ProgramError::Ended { status, waited_for, said: last, .. } = &error else { panic!("{error}") };
    assert_eq!(status.code(), Some(3));
    assert_eq!(waited_for, "a line with `listening` and a listener on TCP port 80");
    assert!(last.contains("first") && last.contains("no such file: x.conf"), "{error}");
    assert!(
        error.to_string().starts_with("`sh` in host `a` ended before it was ready, with exit status: 3: a line"),
        "{error}"
    );
    // Even well, and if nobody reads what it writes.
    let error = said(sh(&a, "exit 0").ready_when_listening(80));
    assert!(matches!(error, ProgramError::Ended { status, .. } if status.success()), "{error}");
    let error = said(sh(&a, "kill -9 $$").ready_on_notify());
    assert!(matches!(error, ProgramError::Ended { status, .. } if status.signal() == Some(9)), "{error}");
}

#[netns_test]
fn a_line_says_that_a_program_is_ready(a: Host) -> TestResult {
    let script = "echo one; echo 'two is ready' >&2; echo three; cat";
    let mut program = sh(&a, script).piped().ready_on_line("is ready").spawn()?;
    program.write_line("four")?;
    for line in ["one", "three", "four"] {
        assert_eq!(program.read_line(AMPLE)?.as_deref(), Some(line));
    }
    // As a program's very last words, too.
    sh(&a, "printf ready").ready_on_line("ready").spawn()?;
    // Half a line is none.
    let half = sh(&a, "printf ready; exec sleep 1000").ready_on_line("ready").ready_within(Duration::from_millis(200));
    assert!(matches!(half.spawn(), Err(ProgramError::NotReady { .. })));
    Ok(())
}

#[netns_test]
fn a_daemon_says_that_it_is_ready(a: Host) -> TestResult {
    let ready =
        program(&a).args(["notify", "STATUS=loading", "X=1\nREADY=1\nSTATUS=there"]).ready_on_notify().spawn()?;
    assert!(ready.is_running());
    let unready = program(&a).args(["notify", "NOTREADY=1", "STATUS=still loading"]).ready_on_notify();
    let error = unready.ready_within(Duration::from_secs(2)).spawn().unwrap_err().to_string();
    assert!(error.contains("`READY=1` on NOTIFY_SOCKET was waited for; its status is `still loading`"), "{error}");
    Ok(())
}

#[netns_test(veth = true)]
fn listeners_are_passed_on(client: Host, server: Host) -> TestResult {
    let answer = |to| -> TestResult<String> {
        let mut text = String::new();
        client.tcp_connect(to)?.read_to_string(&mut text)?;
        Ok(text)
    };
    let [http, https] = [server.tcp_listener()?, server.tcp_listener()?];
    let at = [http.local_addr()?, https.local_addr()?];
    let mut named = program(&server).arg("answer").listen_fd_named("http", http).listen_fd(https).spawn()?;
    assert_eq!((answer(at[0])?, answer(at[1])?), ("3 http".to_owned(), "4 unknown".to_owned()));
    assert!(named.wait()?.success());
    assert!(client.tcp_connect(at[0]).is_err(), "nobody else has kept it");

    // So many that they come to where whatever else was open at the start, and in an order in which each is in another's place.
    let many = || -> std::io::Result<Vec<_>> {
        // Low numbers, which are free when the program is started.
        let low = (0..8).map(|_| File::open("/dev/null")).collect::<Result<Vec<_>, _>>()?;
        let mut many = (0..100).map(|_| server.tcp_listener()).collect::<Result<Vec<_>, _>>()?;
        many.reverse();
        drop(low);
        Ok(many)
    };
    let listeners = many()?;
    let at: Vec<_> = listeners.iter().map(std::net::TcpListener::local_addr).collect::<Result<_, _>>()?;
    let mut unnamed = program(&server).arg("answer").listen_fds(listeners).spawn()?;
    for (nth, at) in at.into_iter().enumerate() {
        assert_eq!(answer(at)?, format!("{} without a name", nth + 3));
    }
    assert!(unnamed.wait()?.success());

    // Its environment and its place are as for any other.
    let listener = server.tcp_listener()?;
    let check = "[ $LISTEN_PID = $$ ] && [ $LISTEN_FDS = 1 ] && [ \"$A\" = b ] && [ $(pwd) = / ] && [ -z \"$LISTEN_FDNAMES\" ] && env";
    let check =
        sh(&server, check).env_clear().env("A", "b").env("PATH", std::env::var_os("PATH").unwrap()).current_dir("/");
    let said = check.env("LISTEN_PID", "1").listen_fd(listener).output()?;
    assert!(said.status.success(), "{said:?}");
    assert!(!String::from_utf8(said.stdout)?.contains("CARGO"));
    // Whatever is where the last of them has to be, it is told that there is no such program.
    for listeners in [vec![server.tcp_listener()?], many()?] {
        let missing = server.command("/no/such/program").listen_fds(listeners).spawn().unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
    Ok(())
}

#[netns_test]
fn a_program_runs_as_another_user(a: Host) -> TestResult {
    let map = std::fs::read_to_string("/proc/self/uid_map")?;
    let only_root = map.split_whitespace().nth(2) == Some("1");
    let id = |command: Command| command.output().map(|output| String::from_utf8(output.stdout).unwrap());
    assert_eq!(id(a.command("id").arg("-u").user(0).group(0))?, "0\n");
    if only_root {
        let error = id(a.command("id").arg("-u").user(65534)).unwrap_err().to_string();
        assert!(error.contains("user 65534 is not in the test's user namespace, where there is only 0"), "{error}");
        let error = id(a.command("id").arg("-g").group(7)).unwrap_err().to_string();
        assert!(error.contains("group 7 is not in the test's user namespace"), "{error}");
    } else {
        assert_eq!(id(a.command("id").arg("-u").user(65534).group(7))?, "65534\n");
        assert_eq!(id(a.command("id").arg("-G").user(65534).group(7))?, "7\n");
        assert_eq!(id(a.command("id").arg("-u").user_named("nobody"))?, "65534\n");
        // With descriptors, too, which are passed on by another way.
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        assert_eq!(id(a.command("id").arg("-u").user(65534).listen_fd(listener))?, "65534\n");
    }
    let error = id(a.command("id").user_named("no-such-user")).unwrap_err().to_string();
    assert!(error.contains("there is no user `no-such-user` on this machine"), "{error}");
    Ok(())
}

#[netns_test(namespaces = 3, veth = true)]
fn the_processes_of_a_host_are_known_by_their_programs(a: Host, b: Host, idle: Host) -> TestResult {
    // Seven each: the shell and two children, two daemons, and two that are deaf.
    let tree = r#"
        sleep 1000 &
        (exec sleep 1000) &
        setsid sleep 1000 &
        (setsid sleep 1000 &)
        sh -c 'trap "" TERM HUP; sleep 1000 & wait' &
        echo ready
        wait"#;
    let mut expected = BTreeMap::new();
    for host in [&a, &b] {
        for _ in 0..3 {
            let program = sh(host, tree).ready_on_line("ready").spawn()?;
            expected.insert((host.name().to_owned(), program.id()), 7);
        }
    }
    // The shell's forks come when it gets to them, and are other programs a moment later.
    let deadline = std::time::Instant::now() + AMPLE;
    loop {
        let mut seen = BTreeMap::new();
        for host in [&a, &b, &idle] {
            for process in host.processes() {
                let program = process.program().expect("all of them have been started by the test");
                *seen.entry((host.name().to_owned(), program)).or_insert(0) += 1;
            }
        }
        if seen == expected {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{seen:?} is not {expected:?}");
        std::thread::yield_now();
    }
    let processes = a.processes();
    let daemon = processes.iter().find(|process| process.command() == ["sleep", "1000"]).unwrap();
    daemon.signal(9)?;
    assert_eq!(b.processes().len(), 21);
    Ok(())
}

/// The number of a program that has ended is given to another, which is not signalled.
#[netns_test]
fn a_signal_never_goes_to_another_with_the_same_number(a: Host) -> TestResult {
    let few = few_process_numbers();
    let sleep = || a.command("sleep").arg("1000").spawn().unwrap();
    // One that will come again: those below are left out from the second time on.
    let mut old = sleep();
    while few && old.id() < 300 {
        old.kill()?;
        old = sleep();
    }
    let listed = a.processes().pop().ok_or("it is listed")?;
    assert_eq!(listed.id(), old.id());
    old.kill()?;
    let another = || {
        // The next number of this pid namespace is the one after this (pid_namespaces(7)): it is for the thread that starts the program.
        if !few {
            std::fs::write("/proc/sys/kernel/ns_last_pid", (old.id() - 2).to_string()).unwrap();
        }
        sleep()
    };
    // It comes when all others have, or, if another thread is faster, not at once.
    let new = (0..10_000).map(|_| another()).find(|new| new.id() == old.id() || new.kill().is_err());
    let new = new.ok_or("the number has not come again")?;
    assert_eq!(old.signal(9).unwrap_err().raw_os_error(), Some(3), "ESRCH");
    assert_eq!(listed.signal(9).unwrap_err().raw_os_error(), Some(3), "ESRCH");
    assert_eq!(old.kill()?.signal(), Some(9), "its own end");
    assert_eq!(old.terminate(Duration::ZERO)?.signal(), Some(9));
    assert!(!old.is_running() && old.wait()?.signal() == Some(9));
    assert_eq!(new.wait_timeout(Duration::from_millis(20))?, None, "the other one goes on");
    assert!(new.is_running());
    Ok(())
}
