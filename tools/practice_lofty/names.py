"""Names in many scripts, put together by number: the same number, the same name."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pool:
    first: tuple[str, ...]
    last: tuple[str, ...]

    def pick(self, number: int) -> tuple[str, str]:
        """First and last name. Repeats only after every pair was used."""
        count = len(self.first)
        first = number % count
        return self.first[first], self.last[(number // count + first) % len(self.last)]


def _words(text: str, between: str = " ") -> tuple[str, ...]:
    return tuple(text.split(between))


def _pool(first: str, last: str) -> Pool:
    return Pool(_words(first), _words(last))


LATIN = _pool(
    "Alice Marisol Søren Chloé José Zoë Åsa Łukasz Niamh François "
    "Ángela Björn İpek Ștefan Renée Günther Beatriz Thảo Oisín "
    "Siân Jürgen Žofia Mélanie Håkon Inês Ömer Dvora Maëlle Vítor "
    "Þóra Grace Malik Priya Daniel Rosa Ethan Naomi Victor Hannah "
    "Caleb Ruth Marcus Elena Trevor Lucía Wyatt Imani Felix Noor "
    "Camille Reid Tamsin Dario Greta Silas Paloma",
    "Johnson Núñez Kjærgård Lefèvre García-Márquez Brontë "
    "Lindström Wójcik O’Sullivan Gagné Ibáñez Sjöberg Yıldız "
    "Ionescu d’Aubigné Müller Gonçalves Nguyễn Ó’Faoláin Llewelyn "
    "Weiß Novák Béranger Østergaard Araújo Şahin Krejčí Le-Gall "
    "Falcão Jónsdóttir Whitfield Okonkwo Raman Whitaker Delgado "
    "Castellano Brooks Adeyemi Park-Hughes Marchetti Sinclair "
    "Bauer Vance Ferreira Holloway Quintana Ashby Moreau Kowalski "
    "Tremblay Hartley Figueroa Langley Duarte Winslow McAllister",
)
OTHERS = (
    _pool(
        "伟 芳 娜 秀英 敏 静 丽 强 磊 军 洋 勇 艳 杰 涛 明",
        "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 欧阳 林",
    ),
    _pool(
        "محمد فاطمة أحمد مريم علي خديجة يوسف زينب عمر نور حسن ليلى خالد سارة إبراهيم هدى",
        "الحسيني المصري حداد خوري النجار العبدالله الشامي منصور صالح "
        "ناصر الخطيب عيسى سليمان البغدادي درويش قاسم",
    ),
    _pool(
        "נועה דוד תמר יוסף מאיה איתי שרה אורי רחל דניאל יעל משה מיכל עומר הדס אבי",
        "כהן לוי מזרחי פרץ ביטון דהן אברהם פרידמן מלכה אזולאי כץ יוסף עמר אוחיון חדד גבאי",
    ),
    _pool(
        "Анна Дмитрий Ольга Сергей Наталья Іван Юлія Богдан Ирина "
        "Алексей Мария Павел Оксана Тарас Елена Фёдор",
        "Иванова Соколов Шевченко Кузнецов Петренко Морозов Лебедев "
        "Коваленко Новиков Бондар Щербаков Ткачук Орлов Зайцев Йовчев "
        "Гришин",
    ),
    _pool(
        "आरव अनन्या विवान प्रिया आदित्य दीया अर्जुन कविता रोहन मीरा कृष्ण नेहा राहुल सुनीता विक्रम श्रेया",
        "शर्मा वर्मा गुप्ता सिंह पटेल कुमार जोशी मिश्रा चौधरी यादव त्रिपाठी अग्रवाल द्विवेदी राठौड़ भट्ट क्षत्रिय",
    ),
    _pool(
        "서연 민준 지우 도윤 하은 예준 수아 시우 지호 서윤 현우 유진 은지 성민 영희 철수",
        "김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 남궁",
    ),
    _pool(
        "สมชาย สุดา วิชัย มาลี ประเสริฐ กานดา ณัฐพล ปรียา ธนา รัตนา อนันต์ วรรณา กิตติ ศิริพร ชัยวัฒน์ ดวงใจ",
        "ใจดี ศรีสุข ทองคำ วงศ์สวัสดิ์ แก้วมณี บุญมี สุขสันต์ "
        "พงษ์ไพบูลย์ จันทร์เพ็ญ รักไทย ชัยชนะ มั่นคง แสงทอง ดีงาม "
        "เจริญสุข น้ำใส",
    ),
    _pool(
        "陽菜 蓮 結衣 湊 葵 大翔 凛 悠真 さくら 翔太 美咲 健 花子 太郎 直子 誠",
        "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 斎藤 松本 井上 木村",
    ),
)
CITIES = _words(
    "Austin|Montréal|San José|Québec|Zürich|Kraków|København|"
    "Reykjavík|São Paulo|Đà Nẵng|上海|台北|القاهرة|دبي|ירושלים|"
    "חיפה|Київ|Казань|मुंबई|जयपुर|서울|부산|กรุงเทพฯ|เชียงใหม่|"
    "大阪|Cañon City|Coeur d’Alène|Boise|Savannah|Duluth|El Paso|"
    "Truth or Consequences|Spokane|Tulsa|Baton Rouge|Fort Collins|"
    "Winston-Salem|St. John’s|Trois-Rivières|Santa Fe",
    "|",
)
QUARTERS = (
    "Downtown",
    "North",
    "Lakeside",
    "Old Town",
    "West End",
    "Harbour",
    "Airport",
    "Heights",
)
POND_KINDS = (
    "Cold leads",
    "Sphere of influence",
    "Relocation",
    "Open house visitors",
    "Investors",
    "First-time buyers",
    "Luxury",
    "Expired listings",
    "Rentals",
    "New construction",
    "Past clients",
    "Unresponsive > 90 days",
    "Kunden aus Übersee",
)
PIPELINE_STEPS = (
    "New",
    "Attempted contact",
    "Contacted",
    "Nurture",
    "Appointment set",
    "Met with client",
    "Showing homes",
    "Submitting offers",
    "Under contract",
    "Closed",
    "Sphere",
    "Renters",
    "Archived – duplicate",
    "Nachfassen im Frühjahr",
)


def person(number: int) -> tuple[str, str]:
    """First and last name; two in five are not in Latin letters."""
    group, place = divmod(number, 5)
    if place < 3:
        return LATIN.pick(group * 3 + place)
    other = group * 2 + place - 3
    return OTHERS[other % len(OTHERS)].pick(other // len(OTHERS))


def office(number: int) -> str:
    return _cross(CITIES, QUARTERS, number, " ")


def pond(number: int) -> str:
    return _cross(POND_KINDS, CITIES, number, " – ")


def pipeline(number: int) -> str:
    step = PIPELINE_STEPS[number % len(PIPELINE_STEPS)]
    again = number // len(PIPELINE_STEPS)
    return f"{step} ({again + 1})" if again else step


def _cross(left: Sequence[str], right: Sequence[str], number: int, between: str) -> str:
    """Every pair of the two lists once before any comes again."""
    begin = left[number % len(left)]
    end = right[(number // len(left)) % len(right)]
    return f"{begin}{between}{end}"
