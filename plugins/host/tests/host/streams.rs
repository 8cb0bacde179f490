//! WebSockets and HTTP answers that stay open, as connections of a guest.

use causeway_engine::host::Grant;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use crate::setup::{Bed, Bridge, alice, eventually, message};

async fn bridge(bed: &Bed, id: &str) -> Bridge {
    let grant = Grant {
        http: vec!["http://127.0.0.1:*".into()],
        websocket: vec!["ws://127.0.0.1:*".into()],
        private_networks: true,
        memory_mib: 16,
        kv_mib: 1,
        connections: 2,
        ..Grant::default()
    };
    bed.enable(id, grant).await
}

async fn dial(bridge: &Bridge, what: &str, far: &TcpListener) -> TcpStream {
    let text = format!("{what}://{}/gateway?v=10", far.local_addr().unwrap());
    bridge.connector.handle_matrix(&alice(), vec![message("$dial", &text)]).await.unwrap();
    far.accept().await.unwrap().0
}

#[expect(clippy::result_large_err, reason = "the library's own type")]
async fn websocket(stream: TcpStream) -> WebSocketStream<TcpStream> {
    let check = |request: &Request, mut answer: Response| {
        assert_eq!(request.uri().path_and_query().unwrap(), "/gateway?v=10");
        assert_eq!(request.headers()["x-from"], "hostile");
        let protocol = request.headers()["sec-websocket-protocol"].clone();
        answer.headers_mut().insert("sec-websocket-protocol", protocol);
        Ok(answer)
    };
    accept_hdr_async(stream, check).await.unwrap()
}

async fn text(socket: &mut WebSocketStream<TcpStream>) -> String {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return text.as_str().to_owned(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn closed(bridge: &Bridge) -> (String, String) {
    let row = |key: &str| bridge.memory.row(&bridge.store, key);
    let closed = eventually("the end", || row("closed")).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(row("close-code").unwrap()), text(closed))
}

/// Reads the request: an answer that comes before it is none.
async fn asked(stream: &mut TcpStream) {
    let mut lines = BufReader::new(stream).lines();
    while !lines.next_line().await.unwrap().unwrap().is_empty() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn websocket_carries_frames_both_ways_and_tells_the_close_code() {
    let bed = Bed::new().await;
    let bridge = bridge(&bed, "websocket").await;
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut socket = websocket(dial(&bridge, "dial-websocket ws", &far).await).await;
    assert_eq!(text(&mut socket).await, "hello");
    socket.send(Message::text("dispatched")).await.unwrap();
    eventually("the frame", || bridge.memory.row(&bridge.store, "line/dispatched")).await;
    let frame = CloseFrame { code: 4009.into(), reason: "session timed out".into() };
    socket.close(Some(frame)).await.unwrap();
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    drop(socket);
    assert_eq!(closed(&bridge).await, ("4009".into(), "1 session timed out".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_closes_a_websocket_with_its_own_code() {
    let bed = Bed::new().await;
    let bridge = bridge(&bed, "leaving").await;
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut socket = websocket(dial(&bridge, "dial-websocket ws", &far).await).await;
    socket.send(Message::text("leave")).await.unwrap();
    let said = loop {
        match socket.next().await {
            Some(Ok(Message::Close(frame))) => break frame.unwrap(),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((u16::from(said.code), said.reason.as_str()), (4000, "asked to leave"));
}

#[tokio::test(flavor = "multi_thread")]
async fn websocket_that_answers_no_pings_is_given_up() {
    let bed = Bed::new().await;
    let bridge = bridge(&bed, "silent").await;
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Never read again, so the library on this side answers nothing.
    let _socket = websocket(dial(&bridge, "dial-websocket ws", &far).await).await;
    assert_eq!(closed(&bridge).await, (String::new(), "1 no answer to a ping".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn websocket_outside_the_grant_is_refused() {
    let bed = Bed::new().await;
    let bridge = bridge(&bed, "ungranted").await;
    let outcomes = bridge
        .connector
        .handle_matrix(&alice(), vec![message("$dial", "dial-websocket wss://gateway.example.org/")])
        .await
        .unwrap();
    let said = format!("{outcomes:?}");
    assert!(said.contains("wss://gateway.example.org is not in the bridge's grant"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_an_http_answer_arrive_while_it_stays_open() {
    let bed = Bed::new().await;
    let bridge = bridge(&bed, "events").await;
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = dial(&bridge, "dial-stream http", &far).await;
    asked(&mut stream).await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"6\r\ndata: \r\n6\r\nfirst\n\r\n").await.unwrap();
    eventually("the first line", || bridge.memory.row(&bridge.store, "line/data: first")).await;
    stream.write_all(b"7\r\nsecond\n\r\n0\r\n\r\n").await.unwrap();
    eventually("the second line", || bridge.memory.row(&bridge.store, "line/second")).await;
    assert_eq!(closed(&bridge).await, (String::new(), "0 the remote end ended its answer".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn http_answer_that_is_no_success_closes_with_its_status() {
    let bed = Bed::new().await;
    let bridge = bridge(&bed, "unauthorized").await;
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = dial(&bridge, "dial-stream http", &far).await;
    asked(&mut stream).await;
    stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!(closed(&bridge).await.0, "401");
}
